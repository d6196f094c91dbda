//! A solution of the exercise. memstat does the same, with more in each record, in fixed steps and without a limit.

use std::hash::RandomState;

use hashbrown::HashMap;

use crate::{Arena, BadFree, Counters, Tracker};

/// Counters, and the size of each live block by its address.
#[derive(Debug)]
pub struct SmallTracker<'a> {
    counters: Counters,
    live: HashMap<usize, usize, RandomState, &'a Arena>,
}

impl<'a> SmallTracker<'a> {
    /// A tracker whose map is in the arena.
    pub fn new(arena: &'a Arena) -> Self {
        Self { counters: Counters::default(), live: HashMap::with_hasher_in(RandomState::new(), arena) }
    }
}

impl Tracker for SmallTracker<'_> {
    fn allocate(&mut self, address: usize, size_bytes: usize) {
        self.counters.allocations += 1;
        // Without this `insert` would end the program when the arena is full.
        if self.live.try_reserve(1).is_err() {
            self.counters.untracked += 1;
            return;
        }
        self.live.insert(address, size_bytes);
        self.counters.live_blocks += 1;
        self.counters.live_bytes += size_bytes;
    }

    fn free(&mut self, address: usize) -> Result<usize, BadFree> {
        let Some(size_bytes) = self.live.remove(&address) else {
            if self.counters.untracked > 0 {
                self.counters.untracked -= 1;
                self.counters.frees += 1;
                return Ok(0);
            }
            self.counters.bad_frees += 1;
            return Err(BadFree { address });
        };
        self.counters.frees += 1;
        self.counters.live_blocks -= 1;
        self.counters.live_bytes -= size_bytes;
        Ok(size_bytes)
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn report(&self) -> String {
        let Counters { live_blocks, live_bytes, .. } = self.counters;
        let plural = if live_blocks == 1 { "" } else { "s" };
        format!("{live_blocks} active block{plural}, {live_bytes} bytes")
    }
}

//! Figures of a tracker, made whole before somebody reads them.

use super::Inner;
use crate::backend::Backend;
use crate::counters::Counters;
use crate::level::Level;
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::snapshot::Snapshot;
use crate::stacks::Stack;
use crate::stacks::StackUsage;

impl<B: Backend> Inner<B> {
    /// Updates the live figures from the backend, at level `off`, where they may not be counted here.
    pub(in super::super) fn synchronise(&mut self) {
        if self.level == Level::Off
            && let Some(mut live) = self.backend.as_ref().and_then(Backend::live)
        {
            // Blocks in quarantine are not live any more.
            live.blocks -= self.guards.freed.quarantined_blocks() as u64;
            live.bytes -= self.guards.freed.quarantined_bytes() as u64;
            // Sampled blocks are not the backend's.
            live.blocks += self.guards.pool.live() as u64;
            live.bytes += (self.guards.pool.live() * PAGE_SIZE_BYTES) as u64;
            self.tallies.set_live(live);
        }
    }

    /// The call stack of a number, with all that is charged to it.
    pub(in super::super) fn stack<P: Platform>(&mut self, number: u16) -> Option<&Stack> {
        if P::LANES > 1 {
            self.lanes.settle(number, &mut self.depot);
        }
        self.depot.get(number)
    }

    /// Charges to each call stack all that is charged to it.
    pub(in super::super) fn settle_stacks<P: Platform>(&mut self) {
        if P::LANES == 1 {
            return;
        }
        for number in 1..=self.depot.len() as u16 {
            self.lanes.settle(number, &mut self.depot);
        }
    }

    /// Whether allocations and frees are counted.
    pub(in super::super) fn is_counting(&self) -> bool {
        self.is_counting
    }

    /// The current counters.
    pub(in super::super) fn counters(&mut self) -> Counters {
        self.synchronise();
        self.tallies.counters(self.live.len() as u64)
    }

    /// A snapshot with the time `stamp`.
    pub(in super::super) fn snapshot(&mut self, stamp: u64) -> Snapshot {
        let counters = self.counters();
        Snapshot {
            sequence: self.sequence,
            stamp,
            level: self.level,
            stacks_since_sequence: self.stacks_since_sequence,
            recorded: StackUsage { bytes: counters.live_bytes, blocks: counters.recorded_blocks() },
            unrecorded_blocks: counters.live_untracked,
            stack_count: self.depot.len() as u16,
        }
    }
}

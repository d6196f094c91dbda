//! Sampled blocks: allocation from the pool, free, and faults.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Caller, Inner};
use crate::backend::Backend;
use crate::corruption::CorruptionKind;
use crate::guard::pool::Life;
use crate::guard::quarantine::Freed;
use crate::guard::red_zones;
use crate::invalid_access::{Access, InvalidAccess};
use crate::level::Level;
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::record::{Guarding, Origin, Record};

impl<B: Backend> Inner<B> {
    /// Samples one allocation in `interval` from now on, none if it is 0. False if the pool cannot be opened.
    pub(in super::super) fn set_sampling(&mut self, interval: u32, platform: &impl Platform) -> bool {
        let Self { guards, arena, .. } = self;
        let is_open = interval == 0 || guards.pool.open(arena, platform);
        guards.pool.set_interval(if is_open { interval } else { 0 });
        self.choose_steps();
        is_open
    }

    /// Closes the pool if sampling is off and no sampled block is live.
    pub(in super::super) fn close_pool_if_done(&mut self, platform: &impl Platform) {
        let Self { guards, arena, .. } = self;
        if guards.pool.is_done() {
            guards.pool.close(arena, platform);
        }
    }

    /// Allocates from the pool; `None` if it has no room for this block, or there is none for its record.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn allocate_sampled<P: Platform>(
        &mut self,
        layout: Layout,
        caller: &Caller<'_, P>,
    ) -> Option<NonNull<u8>> {
        let block = self.guards.pool.take(layout, caller.platform);
        // A sampled block must have a record: its free goes by that.
        let block = block.filter(|block| {
            let is_recorded = self.account(*block, PAGE_SIZE_BYTES, layout, Guarding::Sampled, None, caller);
            if !is_recorded {
                self.guards.pool.put_back(*block, caller.platform);
            }
            is_recorded
        });
        match block {
            Some(_) => self.guards.statistics.samples += 1,
            None => self.guards.statistics.missed_samples += 1,
        }
        block
    }

    /// Records a new block in its slot, and fills the rest of the page.
    pub(super) fn enter_sampled(&mut self, record: &Record) {
        self.guards.pool.enter(record);
        for (part, size_bytes, _) in rest_of_page(record) {
            // SAFETY: only this block is in the page, and these bytes lie around it.
            unsafe { red_zones::fill_slowly(part, size_bytes, red_zones::ZONE) };
        }
        if self.guards.is_poisoned(record.size_bytes()) {
            // SAFETY: a fresh block.
            unsafe {
                red_zones::fill_slowly(record.address() as *mut u8, record.size_bytes(), red_zones::FRESH);
            };
        }
    }

    /// Frees a sampled block that was just removed from the live map.
    pub(super) fn free_sampled<P: Platform>(&mut self, record: &Record, caller: &Caller<'_, P>) {
        let platform = caller.platform;
        self.check_red_zones(record);
        self.count_free_of(record, PAGE_SIZE_BYTES, platform);
        let stack = self.capture_free(caller);
        let origin = Origin::now(self.free_sequence(), stack, platform);
        let freed = Freed::new(record, &origin, PAGE_SIZE_BYTES, false);
        self.guards.pool.free(record, freed.free(), platform);
        if self.is_guarding {
            self.guards.freed.note(freed);
        }
        self.close_pool_if_done(platform);
        // Without records of an earlier level there may be a fast path again.
        if self.live.len() == 0 && self.level < Level::Blocks {
            self.choose_steps();
        }
    }

    /// Checks the rest of a live block's page. Corruption is kept to be reported, and the bytes are written again.
    pub(super) fn check_slot(&mut self, record: &Record) {
        for (part, size_bytes, kind) in rest_of_page(record) {
            // SAFETY: the block is not freed yet, so its page allows access, and no other block is in it.
            unsafe {
                if !red_zones::is_full_of_slowly(part, size_bytes, red_zones::ZONE) {
                    let rest = (part.cast_const(), size_bytes, red_zones::ZONE);
                    red_zones::describe_part(record, None, kind, rest, &mut |found| self.guards.find(found));
                    red_zones::fill_slowly(part, size_bytes, red_zones::ZONE);
                }
            }
        }
    }

    /// Explains an access that faulted, and allows access to its page from now on.
    pub(in super::super) fn explain_access(
        &mut self,
        address: usize,
        access: Access,
        platform: &impl Platform,
    ) -> Option<InvalidAccess> {
        let Life { block, free } = self.guards.pool.open_at(address, platform)?;
        match free {
            None => self.guards.statistics.out_of_bounds_accesses += 1,
            Some(_) => self.guards.statistics.accesses_after_free += 1,
        }
        // A reallocation may have charged it to another stack.
        let block = self.live.get(block.address()).copied().unwrap_or(block);
        Some(InvalidAccess { access, address, block, free })
    }
}

/// The parts of a block's page before and after it, and the kind of corruption that a write there is.
fn rest_of_page(record: &Record) -> [(*mut u8, usize, CorruptionKind); 2] {
    let (start, end) = (record.address(), record.address() + record.size_bytes());
    // A block of size 0 starts inside its page too: the pool reserves one byte for it.
    let page = start & !(PAGE_SIZE_BYTES - 1);
    [
        (page as *mut u8, start - page, CorruptionKind::Underrun),
        (end as *mut u8, page + PAGE_SIZE_BYTES - end, CorruptionKind::Overrun),
    ]
}

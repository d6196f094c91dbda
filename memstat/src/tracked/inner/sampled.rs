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
    /// Samples one allocation in `interval`, or none if it is 0. False if there is no room for a pool.
    pub(in super::super) fn set_sampling(&mut self, interval: u32, platform: &impl Platform) -> bool {
        let Self { guards, arena, .. } = self;
        let can_be = interval == 0 || guards.pool.open(arena, platform);
        guards.pool.set_interval(if can_be { interval } else { 0 });
        self.choose_steps();
        can_be
    }

    /// Frees the pool when it is no longer needed.
    pub(in super::super) fn close_pool_if_done(&mut self, platform: &impl Platform) {
        let Self { guards, arena, .. } = self;
        if guards.pool.is_done() {
            guards.pool.close(arena, platform);
        }
    }

    /// Allocates from the pool; `None` if it has no room for such a block.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn allocate_sampled<P: Platform>(
        &mut self,
        layout: Layout,
        caller: &Caller<'_, P>,
    ) -> Option<NonNull<u8>> {
        let block = self.guards.pool.take(layout, caller.platform);
        // A block without a record could not be found again.
        let block = block.filter(|block| {
            let is_recorded = self.account(*block, PAGE_SIZE_BYTES, layout, Guarding::Sampled, caller);
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

    /// Prepares a slot for its new block.
    pub(super) fn enter_sampled(&mut self, record: &Record) {
        self.guards.pool.enter(record);
        for (part, size_bytes, _) in rest_of_page(record) {
            // SAFETY: the page has this block only, and these bytes are around it.
            unsafe { red_zones::fill(part, size_bytes, red_zones::ZONE) };
        }
        if self.guards.is_poisoned(record.size_bytes()) {
            // SAFETY: a fresh block.
            unsafe { red_zones::fill(record.address() as *mut u8, record.size_bytes(), red_zones::FRESH) };
        }
    }

    /// Frees a block of the pool that was just taken out of the live map.
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
        // The last record of another level is gone.
        if self.live.len() == 0 && self.level < Level::Blocks {
            self.choose_steps();
        }
    }

    /// Checks the rest of a block's page; corruption is recorded, and repaired.
    pub(super) fn check_slot(&mut self, record: &Record) {
        for (part, size_bytes, kind) in rest_of_page(record) {
            // SAFETY: the block is not freed yet, so the page can be touched, and it has this block only.
            unsafe {
                if !red_zones::is_full_of(part, size_bytes, red_zones::ZONE) {
                    let rest = (part.cast_const(), size_bytes, red_zones::ZONE);
                    red_zones::describe_part(record, None, kind, rest, &mut |found| self.guards.find(found));
                    red_zones::fill(part, size_bytes, red_zones::ZONE);
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

/// The parts of a block's page before and behind it, and what a write there is called.
fn rest_of_page(record: &Record) -> [(*mut u8, usize, CorruptionKind); 2] {
    let (start, end) = (record.address(), record.address() + record.size_bytes());
    // A block of no bytes lies at its page's last place, not behind it.
    let page = start & !(PAGE_SIZE_BYTES - 1);
    [
        (page as *mut u8, start - page, CorruptionKind::Underrun),
        (end as *mut u8, page + PAGE_SIZE_BYTES - end, CorruptionKind::Overrun),
    ]
}

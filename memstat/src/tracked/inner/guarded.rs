//! Blocks with guards: allocation, free, and eviction from the quarantine.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Caller, FindingsPending, Inner};
use crate::backend::Backend;
use crate::corruption::CorruptionKind;
use crate::guard::quarantine::Freed;
use crate::guard::{Wanted, red_zones};
use crate::platform::Platform;
use crate::record::{Guarding, Origin, Record};

/// Blocks that one free may evict to make room for its own. If that is not enough, its block skips the quarantine.
const MAX_EVICTED: usize = 16;

impl<B: Backend> Inner<B> {
    /// Makes room after the backend had no block, and returns the next request to it: the same again if something was
    /// freed, else one without guards, else none.
    ///
    /// # Errors
    ///
    /// [`FindingsPending`] if the quarantine has blocks that can be evicted once findings are reported.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn make_memory(
        &mut self,
        wanted: Wanted,
        layout: Layout,
        platform: &impl Platform,
    ) -> Result<Option<Wanted>, FindingsPending> {
        if self.evict_oldest()
            || self.arena.give_spare_pages(platform)
            || self.guards.pool.give_some_memory(platform)
        {
            return Ok(Some(wanted));
        }
        if self.guards.freed.quarantined_blocks() > 0 {
            return Err(FindingsPending);
        }
        let had_guards = wanted.guarding != Guarding::None;
        Ok(had_guards.then(|| Wanted::plain(layout)))
    }

    /// Writes the red zones and the poison of a new block, or fills its slot.
    #[inline(never)]
    pub(super) fn write_guards(&mut self, record: &Record) {
        if record.guarding() == Guarding::Sampled {
            self.enter_sampled(record);
            return;
        }
        self.guards.statistics.guarded_blocks += 1;
        // SAFETY: a fresh block, allocated with room for these red zones.
        unsafe {
            red_zones::write(record);
            if self.guards.is_poisoned(record.size_bytes()) {
                red_zones::fill_slowly(record.address() as *mut u8, record.size_bytes(), red_zones::FRESH);
            }
        }
    }

    /// Frees a block that was just removed from the live map, as its guards and the level require.
    #[inline(never)]
    pub(in super::super) fn free_guarded<P: Platform>(&mut self, record: &Record, caller: &Caller<'_, P>) {
        if record.guarding() == Guarding::Sampled {
            self.free_sampled(record, caller);
            return;
        }
        let platform = caller.platform;
        if record.guarding() != Guarding::None {
            self.guards.statistics.guarded_blocks -= 1;
            self.check_red_zones(record);
        }
        let Some(own_layout) = red_zones::backend_layout(record.guarding(), record.layout()) else { return };
        let own = own_block(record);
        let Some(backend) = self.backend.as_mut() else { return };
        let taken_bytes = backend.taken_size_bytes(own, own_layout);
        self.count_free_of(record, taken_bytes, platform);
        let is_quarantined = self.is_guarding && self.make_room(record, taken_bytes);
        if self.is_guarding {
            let stack = self.capture_free(caller);
            let origin = Origin::now(self.free_sequence(), stack, platform);
            self.guards.freed.note(Freed::new(record, &origin, taken_bytes, is_quarantined));
        }
        self.note_free_of(record, caller);
        if is_quarantined {
            // SAFETY: the caller of the free gave the block up, and the backend has not got it yet.
            unsafe {
                red_zones::fill_slowly(record.address() as *mut u8, record.size_bytes(), red_zones::FREED);
            };
        } else {
            // SAFETY: the block was live, with this layout: it was just removed from the live map.
            unsafe { self.give_to_backend(own, own_layout) };
        }
        // Without guards of an earlier level there may be a fast path again.
        if self.guards.statistics.guarded_blocks == 0 && !self.is_guarding {
            self.choose_steps();
        }
    }

    /// Makes room in the quarantine, or for an entry in the history of frees; returns whether the block is to enter the
    /// quarantine.
    fn make_room(&mut self, record: &Record, taken_bytes: usize) -> bool {
        let freed = &self.guards.freed;
        let is_wanted = self.guards.is_poisoned(record.size_bytes()) && freed.can_take(taken_bytes);
        let mut evictable = freed.quarantined_blocks().min(MAX_EVICTED);
        loop {
            let freed = &self.guards.freed;
            let has_place = !freed.is_full();
            if has_place && (!is_wanted || freed.has_room_for(taken_bytes)) {
                return is_wanted;
            }
            if evictable == 0 || !self.evict_oldest() {
                return false;
            }
            evictable -= 1;
        }
    }

    /// Makes room in the quarantine, if evicting a few intact blocks is enough.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    pub(in super::super) fn make_room_fast(&mut self, taken_bytes: usize) -> bool {
        if self.has_room_for(taken_bytes) {
            return true;
        }
        // Most blocks take the place of one that is not smaller.
        match self.evict_intact() {
            Some(evicted_bytes) => taken_bytes <= evicted_bytes || self.make_more_room(taken_bytes),
            None => false,
        }
    }

    /// Evicts more of them.
    #[cold]
    #[inline(never)]
    fn make_more_room(&mut self, taken_bytes: usize) -> bool {
        let mut evictable = MAX_EVICTED - 1;
        while !self.has_room_for(taken_bytes) {
            if evictable == 0 || self.evict_intact().is_none() {
                return false;
            }
            evictable -= 1;
        }
        true
    }

    #[inline]
    fn has_room_for(&self, taken_bytes: usize) -> bool {
        self.guards.freed.has_room_for(taken_bytes) && !self.guards.freed.is_full()
    }

    /// Gives the oldest block in quarantine to the backend, if it is intact. Returns how many bytes it took.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    fn evict_intact(&mut self) -> Option<usize> {
        let freed = &mut self.guards.freed;
        let oldest = freed.oldest()?;
        let evicted_bytes = oldest.taken_bytes();
        let record = oldest.block;
        let (block, size_bytes) = (record.address() as *mut u8, record.size_bytes());
        let has_both = record.guarding() == Guarding::BothRedZones;
        let small = red_zones::small_layout(Guarding::BothRedZones, record.layout()).filter(|_| has_both);
        let (own_layout, front_bytes) = small?;
        // SAFETY: the block is in quarantine, so nobody else uses it; its red zones are there.
        let is_intact = unsafe {
            red_zones::is_full_of(block, size_bytes, red_zones::FREED)
                && red_zones::are_intact_as(Guarding::BothRedZones, block, size_bytes)
        };
        if !is_intact {
            return None;
        }
        freed.evict_oldest();
        self.guards.statistics.checks += 1;
        let own = block.wrapping_sub(front_bytes);
        // SAFETY: the steps are such only once there is a backend with fast paths.
        let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
        // SAFETY: freed by its owner and in quarantine until now; allocated with this layout.
        unsafe {
            if backend.deallocate_fast(own as usize, Some(own_layout)).is_none()
                && let Some(own) = NonNull::new(own)
            {
                self.give_to_backend(own, own_layout);
            }
        }
        Some(evicted_bytes)
    }

    /// Checks the oldest block in quarantine and gives it to the backend. False if there is none, or if earlier findings
    /// must be reported first.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn evict_oldest(&mut self) -> bool {
        if !self.guards.findings.has_room() {
            return false;
        }
        let Some(freed) = self.guards.freed.oldest().copied() else { return false };
        self.check_freed(&freed);
        self.guards.freed.evict_oldest();
        let own_layout = red_zones::backend_layout(freed.block.guarding(), freed.block.layout());
        if let Some(layout) = own_layout {
            // SAFETY: freed by its owner, allocated with this layout, and in quarantine until now.
            unsafe { self.give_to_backend(own_block(&freed.block), layout) };
        }
        true
    }

    /// Checks the red zones of a live block. Corruption is kept to be reported, and the red zones are written again.
    pub(super) fn check_red_zones(&mut self, record: &Record) {
        self.guards.statistics.checks += 1;
        if record.guarding() == Guarding::Sampled {
            self.check_slot(record);
            return;
        }
        // SAFETY: the block is not freed yet, so its red zones are there.
        unsafe {
            if !red_zones::are_intact(record) {
                red_zones::describe(record, None, &mut |found| self.guards.find(found));
            }
        }
    }

    /// Checks a block in quarantine. Corruption is kept to be reported, once per block; poison and red zones are written
    /// again.
    pub(super) fn check_freed(&mut self, freed: &Freed) {
        self.guards.statistics.checks += 1;
        let record = &freed.block;
        let (start, size_bytes) = (record.address() as *mut u8, record.size_bytes());
        // SAFETY: the block is in quarantine, so nobody else uses it; its red zones are there.
        unsafe {
            if red_zones::is_full_of_slowly(start, size_bytes, red_zones::FREED)
                && red_zones::are_intact(record)
            {
                return;
            }
            let mut is_reported = false;
            let mut report = |found| {
                if !is_reported {
                    self.guards.find(found);
                    is_reported = true;
                }
            };
            let inside = (start.cast_const(), size_bytes, red_zones::FREED);
            red_zones::describe_part(
                record,
                Some(freed.free()),
                CorruptionKind::WriteAfterFree,
                inside,
                &mut report,
            );
            red_zones::describe(record, Some(freed.free()), &mut |mut found| {
                found.kind = CorruptionKind::WriteAfterFree;
                report(found);
            });
            red_zones::fill_slowly(start, size_bytes, red_zones::FREED);
        }
    }
}

/// Where the backend's block starts.
#[inline]
fn own_block(record: &Record) -> NonNull<u8> {
    let address = record.address() - red_zones::front_bytes(record.guarding(), record.align_bytes());
    // A block never lies at address 0.
    NonNull::new(address as *mut u8).unwrap_or(NonNull::dangling())
}

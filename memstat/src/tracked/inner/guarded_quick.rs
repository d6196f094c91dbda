//! The quick ways of guarded blocks at level `blocks`: as in `quick`, as long as nothing grows or shrinks and all
//! guards are whole. What they do not do, `guarded` does.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Claim, Inner};
use crate::backend::Backend;
use crate::guard::freed::Freed;
use crate::guard::zones;
use crate::platform::Platform;
use crate::record::{Guarding, Origin, Record};

/// The guards of a block, by whether the level is `full`.
const fn guarding(is_full: bool) -> Guarding {
    if is_full { Guarding::BothZones } else { Guarding::RearZone }
}

impl<B: Backend> Inner<B> {
    /// Allocates a small block with guards.
    #[expect(clippy::inline_always, reason = "called in one place each, on the fast path")]
    #[inline(always)]
    pub(in super::super) fn allocate_zoned<P: Platform, const IS_FULL: bool>(
        &mut self,
        layout: Layout,
        platform: &P,
    ) -> Option<NonNull<u8>> {
        let (own_layout, front_bytes) = zones::small_layout(IS_FULL, layout)?;
        // SAFETY: called only once there is a quick backend.
        let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
        // SAFETY: as above.
        let own = unsafe { backend.allocate_quickly(own_layout) }?;
        // SAFETY: the backend's block has the front zone and more.
        let block = unsafe { own.cast::<u8>().add(front_bytes) };
        let mut record = Record::EMPTY;
        let is_recorded = self.live.insert_quickly(block.as_ptr() as usize, || {
            self.sequence += 1;
            let origin = Origin::now(self.sequence, 0, platform);
            record = Record::new(block, layout, &origin).with_guarding(guarding(IS_FULL));
            record
        });
        if !is_recorded {
            // SAFETY: allocated just now with this layout, and nobody knows it.
            unsafe { self.give_to_backend(own.cast(), own_layout) };
            return None;
        }
        self.tallies.count_allocation(platform.cpu(), layout.size(), own.len());
        self.tallies.add_recorded_bytes(layout.size());
        self.guards.statistics.guarded_blocks += 1;
        // SAFETY: a fresh block with these zones.
        unsafe {
            zones::write_as(guarding(IS_FULL), block.as_ptr(), layout.size());
            if IS_FULL {
                zones::fill(block.as_ptr(), layout.size(), zones::FRESH);
            }
        }
        Some(block)
    }

    /// Frees a small block that has the guards of this level, if they are whole; says whether it did.
    #[expect(clippy::inline_always, reason = "called in one place each, on the fast path")]
    #[inline(always)]
    pub(in super::super) fn free_zoned<P: Platform, C: Claim, const IS_FULL: bool>(
        &mut self,
        address: usize,
        claim: C,
        platform: &P,
    ) -> bool {
        if !self.guards.freed.has_place() && !self.guards.freed.turn_page() {
            return false;
        }
        let Some(found) = self.live.find_quickly(address) else { return false };
        let record = found.record;
        if !claim.fits(&record) || record.guarding() != guarding(IS_FULL) {
            return false;
        }
        let Some((own_layout, _)) = zones::small_layout(IS_FULL, record.layout()) else {
            return false;
        };
        let (block, size_bytes) = (address as *mut u8, record.size_bytes());
        // SAFETY: a live block with these zones.
        if !unsafe { zones::are_whole_as(guarding(IS_FULL), block, size_bytes) } {
            return false;
        }
        let taken_bytes = if IS_FULL {
            // SAFETY: called only once there is a quick backend.
            let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
            // SAFETY: as above.
            let Some(taken_bytes) = (unsafe { backend.taken_size_bytes_quickly(own_layout) }) else {
                return false;
            };
            if !self.make_room_quickly(taken_bytes) {
                return false;
            }
            // SAFETY: the caller gives the block up, and the backend has not got it yet.
            unsafe { zones::fill(block, size_bytes, zones::FREED) };
            taken_bytes
        } else {
            // SAFETY: as above.
            let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
            // SAFETY: the live map has the block; the caller gives it up.
            let Some(taken_bytes) = (unsafe { backend.deallocate_quickly(address, Some(own_layout)) }) else {
                return false;
            };
            taken_bytes
        };
        self.guards.statistics.checks += 1;
        self.guards.statistics.guarded_blocks -= 1;
        self.tallies.count_free(platform.cpu(), taken_bytes);
        self.tallies.subtract_recorded_bytes(size_bytes);
        // No event is written at this level, so the free has no number.
        let origin = Origin::now(0, 0, platform);
        self.guards.freed.note_quickly(Freed::new(&record, &origin, taken_bytes, IS_FULL));
        // A record from another level may have a stack.
        if let Some(stack) = self.depot.get_mut(record.stack()) {
            stack.subtract(size_bytes);
        }
        self.live.forget(found);
        true
    }

    /// Makes room to hold a block back, if at most one has to go for that, and that one is whole.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    fn make_room_quickly(&mut self, taken_bytes: usize) -> bool {
        let freed = &mut self.guards.freed;
        if freed.has_room_for(taken_bytes) && !freed.is_full() {
            return true;
        }
        let Some(oldest) = freed.oldest() else { return false };
        let record = oldest.block;
        let (block, size_bytes) = (record.address() as *mut u8, record.size_bytes());
        let is_usual = record.guarding() == Guarding::BothZones;
        let Some((own_layout, front_bytes)) = zones::small_layout(true, record.layout()).filter(|_| is_usual)
        else {
            return false;
        };
        let oldest_bytes = oldest.taken_bytes();
        // SAFETY: the block is held back, so nobody else's; its zones are there.
        let is_whole = unsafe {
            zones::is_full_of(block, size_bytes, zones::FREED)
                && zones::are_whole_as(Guarding::BothZones, block, size_bytes)
        };
        if !is_whole || taken_bytes > oldest_bytes {
            return false;
        }
        freed.evict_oldest();
        self.guards.statistics.checks += 1;
        let own = block.wrapping_sub(front_bytes);
        // SAFETY: called only once there is a quick backend.
        let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
        // SAFETY: freed by its owner and held back until now; allocated with this layout.
        unsafe {
            if backend.deallocate_quickly(own as usize, Some(own_layout)).is_none()
                && let Some(own) = NonNull::new(own)
            {
                self.give_to_backend(own, own_layout);
            }
        }
        true
    }
}

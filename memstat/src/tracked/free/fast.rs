//! The fast paths of a free, under the lock: they call only the backend, and never shrink a table.
//!
//! Each returns whether it freed the block. If not, the block is live as before, and the slow path takes over.

use core::alloc::Layout;

use super::super::inner::{Claim, Copied, Inner, Steps};
use crate::backend::Backend;
use crate::guard::quarantine::Freed;
use crate::guard::red_zones;
use crate::history::Event;
use crate::platform::Platform;
use crate::record::{Origin, Record};
use crate::stacks::MAX_FREE_FRAMES;

impl<B: Backend> Inner<B> {
    /// Frees a block without a record, and without counting, if the backend has a fast path for it.
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate_unsized`].
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    pub(super) unsafe fn free_uncounted(&mut self, address: usize, claim: impl Claim) -> bool {
        // SAFETY: the steps are such only once there is a backend with fast paths; the rest is upheld by the caller.
        let taken_bytes =
            unsafe { self.backend.as_mut().unwrap_unchecked().deallocate_fast(address, claim.layout()) };
        if !B::KNOWS_LIVE
            && let Some(taken_bytes) = taken_bytes
        {
            self.tallies.subtract_uncounted(taken_bytes);
        }
        taken_bytes.is_some()
    }

    /// As [`Inner::free_uncounted`], and counts the free.
    ///
    /// # Safety
    ///
    /// As there.
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    pub(super) unsafe fn free_counted(
        &mut self,
        address: usize,
        claim: impl Claim,
        platform: &impl Platform,
    ) -> bool {
        // SAFETY: as above.
        let taken_bytes =
            unsafe { self.backend.as_mut().unwrap_unchecked().deallocate_fast(address, claim.layout()) };
        let Some(taken_bytes) = taken_bytes else { return false };
        self.tallies.count_free(platform.cpu(), taken_bytes);
        true
    }

    /// Frees a block that is in the live map, as far as that needs nothing but what is at hand. Returns whether it did.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    pub(super) fn free_at_hand<P: Platform, C: Claim, const COPY: Copied>(
        &mut self,
        address: usize,
        claim: C,
        frame_pointer: impl Fn() -> usize,
        platform: &P,
    ) -> bool {
        let steps = Steps::of_copy::<COPY>(self.free_steps);
        let Some(found) = self.live.find_fast::<P>(address) else { return false };
        let record = found.entry.record;
        if !claim.fits(&record) {
            return false;
        }
        let is_guarded = steps.has(Steps::RARE) && {
            if steps.has(Steps::EVENT) && !self.history.has_room() {
                return false;
            }
            steps.has(Steps::GUARDED)
        };
        let (taken_bytes, free_stack) = if is_guarded {
            let given = self.give_guarded(&record, steps, frame_pointer, platform);
            let Some(given) = given else { return false };
            given
        } else {
            if steps.has(Steps::STACK) {
                self.recent_frees.prepare(&record);
            }
            // SAFETY: the steps are such only once there is a backend with fast paths. The live map has the block,
            // with this layout; the caller gives it up.
            let given = unsafe {
                let backend = self.backend.as_mut().unwrap_unchecked();
                backend.deallocate_fast(address, Some(record.layout()))
            };
            let Some(taken_bytes) = given else { return false };
            (taken_bytes, 0)
        };
        self.tallies.count_free(platform.cpu(), taken_bytes);
        self.tallies.subtract_recorded_bytes(record.size_bytes());
        // At level `blocks`, a record from another level may have a stack too.
        if let Some(stack) = self.depot.get_mut(record.stack()) {
            stack.subtract(record.size_bytes());
        }
        if steps.has(Steps::STACK | Steps::RARE) {
            let mut origin = Origin::now(0, record.stack(), platform);
            let is_noted = steps.has(Steps::RARE) && {
                if steps.has(Steps::EVENT) {
                    self.sequence += 1;
                    origin.sequence = self.sequence;
                    self.history.put(Event::of_free(&record, &origin));
                }
                steps.has(Steps::GUARDED)
            };
            if is_noted {
                if steps.has(Steps::RED_ZONE | Steps::FULL_GUARD) {
                    self.guards.statistics.checks += 1;
                    self.guards.statistics.guarded_blocks -= 1;
                }
                origin.stack = free_stack;
                let is_kept = steps.has(Steps::FULL_GUARD);
                self.guards.freed.note_fast(Freed::new(&record, &origin, taken_bytes, is_kept));
            } else {
                self.recent_frees.commit(&origin, platform.callers());
            }
        }
        self.live.forget(found, &mut self.arena, platform);
        true
    }

    /// As [`Inner::free_at_hand`], for any steps and claims: a function of its own.
    #[inline(never)]
    pub(super) fn free_by_steps<P: Platform>(
        &mut self,
        address: usize,
        claim: Option<Layout>,
        frame_pointer: usize,
        platform: &P,
    ) -> bool {
        self.free_at_hand::<P, _, { Steps::ANY }>(address, claim, || frame_pointer, platform)
    }

    /// Gives a guarded block to the backend or the quarantine. Returns how many bytes it takes, and the number of the
    /// free's call stack. `None` if that needs the slow path, or the guards are not intact.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    fn give_guarded<P: Platform>(
        &mut self,
        record: &Record,
        steps: Steps,
        frame_pointer: impl Fn() -> usize,
        platform: &P,
    ) -> Option<(usize, u16)> {
        // The block may have been allocated with other guards.
        if steps.has(Steps::SLOW) || !record.is_guarded_as(steps.guarding()) {
            return None;
        }
        let freed = &mut self.guards.freed;
        // Entries in quarantine are never overwritten: the slow path evicts those of an earlier level.
        let has_old_entries = !steps.has(Steps::FULL_GUARD) && freed.quarantined_blocks() > 0;
        if has_old_entries || !freed.has_place() && !freed.turn_page() {
            return None;
        }
        let (address, mut own_layout, mut stack) = (record.address(), record.layout(), 0);
        if steps.has(Steps::STACK) {
            let known = self.depot.recall::<P, MAX_FREE_FRAMES>(frame_pointer(), platform)?;
            // SAFETY: stacks stay where they are, and nothing else refers to this one now.
            stack = unsafe { known.as_ref() }.number();
        }
        if steps.has(Steps::RED_ZONE | Steps::FULL_GUARD) {
            own_layout = red_zones::small_layout(steps.guarding(), own_layout)?.0;
            // SAFETY: a live block with these red zones.
            if !unsafe { red_zones::are_intact_as(steps.guarding(), address as *mut u8, record.size_bytes()) }
            {
                return None;
            }
        }
        // SAFETY: the steps are such only once there is a backend with fast paths.
        let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
        if steps.has(Steps::FULL_GUARD) {
            // SAFETY: as above.
            let taken_bytes = unsafe { backend.taken_size_bytes_fast(own_layout) }?;
            if !self.make_room_fast(taken_bytes) {
                return None;
            }
            // SAFETY: the caller gives the block up, and the backend has not got it yet.
            unsafe { red_zones::fill(address as *mut u8, record.size_bytes(), red_zones::FREED) };
            return Some((taken_bytes, stack));
        }
        // SAFETY: the live map has the block, which starts where the backend's does, with this layout; the caller
        // gives it up.
        Some((unsafe { backend.deallocate_fast(address, Some(own_layout)) }?, stack))
    }
}

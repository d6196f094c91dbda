//! The fast paths of an allocation, under the lock: they call only the backend, and what compares call stacks; no table
//! grows.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::super::inner::{Copied, Inner, Steps};
use super::{Begun, Progress};
use crate::backend::Backend;
use crate::guard::red_zones;
use crate::history::{Event, EventKind};
use crate::platform::Platform;
use crate::record::{Origin, Record};
use crate::stacks::MAX_FRAMES;

impl<B: Backend> Inner<B> {
    /// Allocates without a record and without counting, if the backend has a block ready. [`Inner::allocate_counted`] is a
    /// function of its own, so that the level is tested only once.
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    pub(super) fn allocate_uncounted(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the path is such only once there is a backend with fast paths.
        let block = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_fast(layout) }?;
        if !B::KNOWS_LIVE {
            self.tallies.add_uncounted(block.len());
        }
        Some(block.cast())
    }

    /// As [`Inner::allocate_uncounted`], and counts the block.
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    pub(super) fn allocate_counted(
        &mut self,
        layout: Layout,
        platform: &impl Platform,
    ) -> Option<NonNull<u8>> {
        // SAFETY: as above.
        let block = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_fast(layout) }?;
        self.tallies.count_allocation(platform.cpu(), layout.size(), block.len());
        Some(block.cast())
    }

    /// Whether a copy of the fast path charges a stack, possibly the placeholder.
    const fn may_charge(copy: Copied) -> bool {
        copy & Steps::AT_STACKS != Steps::AT_BLOCKS
    }

    /// Allocates and records, as far as that needs nothing but what is at hand.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    pub(super) fn allocate_at_hand<P: Platform, const COPY: Copied>(
        &mut self,
        layout: Layout,
        frame_pointer: impl Fn() -> usize,
        platform: &P,
    ) -> Progress {
        let steps = Steps::of_copy::<COPY>(self.allocation_steps);
        let mut stack = self.depot.nobody();
        if steps.has(Steps::STACK) {
            let Some(known) = self.depot.recall::<P, MAX_FRAMES>(frame_pointer(), platform) else {
                return Progress::Begun(Begun::NOTHING);
            };
            stack = known;
        }
        let begun = |block| Progress::Begun(Begun { block, stack: steps.has(Steps::STACK).then_some(stack) });
        let is_guarded = steps.has(Steps::RARE) && {
            if steps.has(Steps::EVENT) && !self.history.has_room() {
                return begun(None);
            }
            steps.has(Steps::GUARDED)
        };
        let (block, taken_bytes) = if is_guarded {
            let Some(taken) = self.take_guarded(layout, steps) else { return begun(None) };
            taken
        } else {
            // SAFETY: the steps are such only once there is a backend with fast paths.
            let own = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_fast(layout) };
            let Some(own) = own else { return begun(None) };
            (own.cast(), own.len())
        };
        let mut record = Record::EMPTY;
        let entered = self.live.insert_fast::<P>(block.as_ptr() as usize, || {
            self.sequence += 1;
            // SAFETY: stacks stay where they are, and nothing else refers to this one now.
            let number = if Self::may_charge(COPY) { unsafe { stack.as_ref() }.number() } else { 0 };
            record = Record::new(block, layout, &Origin::now(self.sequence, number, platform));
            record
        });
        let Some(mut entry) = entered else {
            let front_bytes = red_zones::front_bytes(steps.guarding(), layout.align());
            // SAFETY: the backend's block starts this many bytes before the caller's.
            return begun(Some(unsafe { block.sub(front_bytes) }));
        };
        self.tallies.count_allocation(platform.cpu(), layout.size(), taken_bytes);
        self.tallies.add_recorded_bytes(layout.size());
        if Self::may_charge(COPY) {
            // SAFETY: as above.
            unsafe { stack.as_mut() }.add(layout.size());
        }
        if steps.has(Steps::RARE) {
            if steps.has(Steps::EVENT) {
                self.history.put(Event::of_block(EventKind::Allocate, &record));
            }
            if steps.has(Steps::RED_ZONE | Steps::FULL_GUARD) {
                // SAFETY: it was entered just now, and nobody else refers to it.
                unsafe { entry.as_mut() }.set_guarding(steps.guarding());
                self.guards.statistics.guarded_blocks += 1;
                // SAFETY: a fresh block with these red zones.
                unsafe {
                    red_zones::write_as(steps.guarding(), block.as_ptr(), layout.size());
                    if steps.has(Steps::FULL_GUARD) {
                        red_zones::fill(block.as_ptr(), layout.size(), red_zones::FRESH);
                    }
                }
            }
        }
        Progress::Done(block)
    }

    /// Takes a block with room for its red zones from the backend. Returns where the caller's block starts, and how many
    /// bytes the backend's takes. `None` if that needs the slow path.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    fn take_guarded(&mut self, layout: Layout, steps: Steps) -> Option<(NonNull<u8>, usize)> {
        if steps.has(Steps::SLOW) {
            return None;
        }
        let (mut own_layout, mut front_bytes) = (layout, 0);
        if steps.has(Steps::RED_ZONE | Steps::FULL_GUARD) {
            (own_layout, front_bytes) = red_zones::small_layout(steps.guarding(), layout)?;
        }
        // SAFETY: the steps are such only once there is a backend with fast paths.
        let own = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_fast(own_layout) }?;
        // SAFETY: the backend's block has the front red zone, and more.
        Some((unsafe { own.cast::<u8>().add(front_bytes) }, own.len()))
    }
}

//! What is done without a call, as long as the backend has a block at hand and nothing of the tracker's grows or
//! shrinks.
//!
//! What levels `off` and `counters` do is inlined into the caller: so it saves no registers. What the other levels do
//! is inlined into a function for each. The backend's quick ways are called in two places each, so that none has to
//! ask for the level again after it.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Caller, Claim, Inner, Progress, Way};
use crate::backend::Backend;
use crate::history::{Event, EventKind};
use crate::platform::Platform;
use crate::record::{Origin, Record};

impl<B: Backend> Inner<B> {
    /// Allocates if nothing is to be recorded and the backend has a block at hand.
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    pub(in super::super) fn allocate_quickly(
        &mut self,
        layout: Layout,
        platform: &impl Platform,
    ) -> Option<NonNull<u8>> {
        let way = self.allocation_way;
        if way == Way::Count {
            // SAFETY: the way is such only once there is a quick backend.
            let block = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_quickly(layout) }?;
            self.tallies.count_allocation(platform.cpu(), layout.size(), block.len());
            return Some(block.cast());
        }
        if way != Way::Pass {
            return None;
        }
        // SAFETY: as above.
        let block = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_quickly(layout) }?;
        Some(block.cast())
    }

    /// Frees if no record can be there and the backend does it at once.
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate_unsized`].
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    pub(in super::super) unsafe fn free_quickly(
        &mut self,
        address: usize,
        claim: impl Claim,
        platform: &impl Platform,
    ) -> bool {
        let way = self.free_way;
        if way > Way::Count {
            return false;
        }
        // SAFETY: the way is such only once there is a quick backend.
        let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
        if way == Way::Count {
            // SAFETY: handed on to the caller.
            let taken_bytes = unsafe { backend.deallocate_quickly(address, claim.layout()) };
            let Some(taken_bytes) = taken_bytes else { return false };
            self.tallies.count_free(platform.cpu(), taken_bytes);
            return true;
        }
        // SAFETY: handed on to the caller.
        unsafe { backend.deallocate_quickly(address, claim.layout()) }.is_some()
    }

    /// Allocates and records if that takes no call: the stack is one that was seen just before, the backend has
    /// a block at hand, and nothing of the tracker's has to grow.
    #[expect(clippy::inline_always, reason = "called in one place each, on the fast path")]
    #[inline(always)]
    pub(in super::super) fn allocate_recorded<P: Platform, const WITH_STACK: bool, const WITH_EVENT: bool>(
        &mut self,
        layout: Layout,
        caller: &Caller<'_, P>,
    ) -> Progress {
        let Self { depot, history, .. } = self;
        let platform = caller.platform;
        let mut stack = None;
        if WITH_STACK {
            if WITH_EVENT && !history.has_room() {
                return Progress::Nothing;
            }
            let span = platform.stack_fast(caller.frame_pointer);
            stack = span.and_then(|span| depot.recall(&span, platform));
            if stack.is_none() {
                return Progress::Nothing;
            }
        }
        // SAFETY: called only once there is a quick backend.
        let block = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_quickly(layout) };
        let Some(block) = block else { return Progress::Nothing };
        let address = block.cast::<u8>().as_ptr() as usize;
        let mut record = Record::EMPTY;
        let is_recorded = self.live.insert_quickly(address, || {
            self.sequence += 1;
            let number = stack.as_ref().map_or(0, |stack| stack.number());
            record = Record::new(block.cast(), layout, &Origin::now(self.sequence, number, platform));
            record
        });
        if !is_recorded {
            return Progress::Allocated(block);
        }
        self.tallies.count_allocation(platform.cpu(), layout.size(), block.len());
        self.tallies.add_recorded_bytes(layout.size());
        if let Some(stack) = stack {
            stack.add(layout.size());
        }
        if WITH_EVENT {
            history.put(Event::of_block(EventKind::Allocate, &record));
        }
        Progress::Done(block.cast())
    }

    /// Frees a block that the live map has, if that takes few instructions and nothing of the tracker's has to
    /// shrink; says whether it did.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    pub(in super::super) fn free_recorded<
        P: Platform,
        C: Claim,
        const WITH_CALLERS: bool,
        const WITH_EVENT: bool,
    >(
        &mut self,
        address: usize,
        claim: C,
        platform: &P,
    ) -> bool {
        let Self { live, history, .. } = self;
        if WITH_EVENT && !history.has_room() {
            return false;
        }
        let Some(found) = live.find_quickly(address) else { return false };
        let record = found.record;
        if !claim.fits(&record) {
            return false;
        }
        if WITH_CALLERS {
            self.recent_frees.prepare(&record);
        }
        // SAFETY: called only once there is a quick backend.
        let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
        // SAFETY: the live map has the block, with this layout; the caller gives it up.
        let taken_bytes = unsafe { backend.deallocate_quickly(address, Some(record.layout())) };
        let Some(taken_bytes) = taken_bytes else { return false };
        if WITH_CALLERS {
            let mut origin = Origin::now(0, record.stack(), platform);
            if WITH_EVENT {
                self.sequence += 1;
                origin.sequence = self.sequence;
                history.put(Event::of_free(&record, &origin));
            }
            self.recent_frees.commit(&origin, platform.callers());
        }
        self.tallies.count_free(platform.cpu(), taken_bytes);
        self.tallies.subtract_recorded_bytes(record.size_bytes());
        if let Some(stack) = self.depot.get_mut(record.stack()) {
            stack.subtract(record.size_bytes());
        }
        live.forget(found);
        true
    }
}

//! The ways of an allocation and of a free, each a function of its own: a fast one for each level, which goes on to
//! the slow one where something has to grow or shrink. The lock is held from the function that enters it to the one
//! that comes last.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Tracked;
use super::inner::{Caller, Claim, GuardedWay, Progress, Untold, Way};
use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::lock::Suspended;
use crate::platform::Platform;
use crate::record::Guarding;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// The way of an allocation at `blocks`, as long as nothing grows. It calls nothing.
    #[inline(never)]
    pub(super) fn allocate_recorded(&self, suspended: Suspended, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_by::<false, false>(suspended, layout)
    }

    /// The same at `stacks`.
    #[inline(never)]
    pub(super) fn allocate_with_stack(&self, suspended: Suspended, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_by::<true, false>(suspended, layout)
    }

    /// The same at `full`.
    #[inline(never)]
    pub(super) fn allocate_with_event(&self, suspended: Suspended, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_by::<true, true>(suspended, layout)
    }

    #[expect(clippy::inline_always, reason = "the body of three functions")]
    #[inline(always)]
    fn allocate_by<const WITH_STACK: bool, const WITH_EVENT: bool>(
        &self,
        suspended: Suspended,
        layout: Layout,
    ) -> Option<NonNull<u8>> {
        // SAFETY: `allocate` entered this lock just now.
        let mut inner = unsafe { self.inner.resume(&self.platform, suspended) };
        // The register is read only where the stack may be walked.
        let frame_pointer = if WITH_STACK { self.platform.frame_pointer() } else { 0 };
        let caller = Caller { frame_pointer, platform: &self.platform };
        match inner.allocate_recorded::<P, WITH_STACK, WITH_EVENT>(layout, &caller) {
            Progress::Done(block) => Some(block),
            Progress::Allocated(block) => {
                Some(self.record_fully(inner.suspend(), block, layout, self.platform.frame_pointer()))
            }
            Progress::Nothing => self.allocate_slowly(inner.suspend(), layout, self.platform.frame_pointer()),
        }
    }

    /// Records a block that was just allocated, whatever has to grow for that.
    #[cold]
    #[inline(never)]
    fn record_fully(
        &self,
        suspended: Suspended,
        block: NonNull<[u8]>,
        layout: Layout,
        frame_pointer: usize,
    ) -> NonNull<u8> {
        // SAFETY: `allocate` entered this lock just now.
        let mut inner = unsafe { self.inner.resume(&self.platform, suspended) };
        let caller = Caller { frame_pointer, platform: &self.platform };
        inner.account(block.cast(), block.len(), layout, Guarding::None, &caller);
        block.cast()
    }

    /// The way of any allocation.
    #[cold]
    #[inline(never)]
    pub(super) fn allocate_fully(&self, suspended: Suspended, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: `allocate` entered this lock just now.
        let inner = unsafe { self.inner.resume(&self.platform, suspended) };
        let way = inner.guarded_allocation_way;
        let suspended = inner.suspend();
        match way {
            GuardedWay::BetweenSamples => self.allocate_between_samples(suspended, layout),
            GuardedWay::Fully => self.allocate_slowly(suspended, layout, self.platform.frame_pointer()),
            GuardedWay::RedZone => self.allocate_with_zone(suspended, layout),
            GuardedWay::Full => self.allocate_with_zones(suspended, layout),
        }
    }

    /// The way of an allocation while some are sampled: this one, or as if none were.
    #[cold]
    #[inline(never)]
    fn allocate_between_samples(&self, suspended: Suspended, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: `allocate` entered this lock just now.
        let mut inner = unsafe { self.inner.resume(&self.platform, suspended) };
        let is_due = inner.guards.pool.count_down();
        let (way, guarded_way) = (inner.unsampled_way, inner.guarded_way);
        let suspended = inner.suspend();
        match (way, guarded_way) {
            _ if is_due => self.allocate_slowly(suspended, layout, self.platform.frame_pointer()),
            (Way::Record, _) => self.allocate_recorded(suspended, layout),
            (Way::RecordStack, _) => self.allocate_with_stack(suspended, layout),
            (Way::RecordEvent, _) => self.allocate_with_event(suspended, layout),
            (_, GuardedWay::RedZone) => self.allocate_with_zone(suspended, layout),
            (_, GuardedWay::Full) => self.allocate_with_zones(suspended, layout),
            (_, GuardedWay::Fully | GuardedWay::BetweenSamples) => {
                self.allocate_slowly(suspended, layout, self.platform.frame_pointer())
            }
        }
    }

    /// The way of an allocation at guard level `redzone`, as long as nothing grows.
    #[inline(never)]
    fn allocate_with_zone(&self, suspended: Suspended, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_guarded_by::<false>(suspended, layout)
    }

    /// The same at `full`.
    #[inline(never)]
    fn allocate_with_zones(&self, suspended: Suspended, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_guarded_by::<true>(suspended, layout)
    }

    #[expect(clippy::inline_always, reason = "the body of two functions")]
    #[inline(always)]
    fn allocate_guarded_by<const IS_FULL: bool>(
        &self,
        suspended: Suspended,
        layout: Layout,
    ) -> Option<NonNull<u8>> {
        // SAFETY: `allocate` entered this lock just now.
        let mut inner = unsafe { self.inner.resume(&self.platform, suspended) };
        match inner.allocate_zoned::<P, IS_FULL>(layout, &self.platform) {
            Some(block) => Some(block),
            None => self.allocate_slowly(inner.suspend(), layout, self.platform.frame_pointer()),
        }
    }

    /// The same, for a caller whose frame is known: so a stack has the same frames on each way.
    #[cold]
    #[inline(never)]
    pub(super) fn allocate_slowly(
        &self,
        suspended: Suspended,
        layout: Layout,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: `allocate` entered this lock just now.
        let mut inner = unsafe { self.inner.resume(&self.platform, suspended) };
        let caller = Caller { frame_pointer, platform: &self.platform };
        let allocated = inner.allocate(layout, &caller);
        if inner.guards.findings.is_empty() {
            drop(inner);
            return self.served(allocated.unwrap_or_default(), layout, frame_pointer);
        }
        self.tell_and_go_on(inner.suspend(), allocated, layout, frame_pointer)
    }

    /// Tells what an allocation has found. If it has to wait for that, all that is held back goes, and it comes again.
    #[cold]
    #[inline(never)]
    fn tell_and_go_on(
        &self,
        suspended: Suspended,
        allocated: Result<Option<NonNull<u8>>, Untold>,
        layout: Layout,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: `allocate` entered this lock just now.
        drop(unsafe { self.inner.resume(&self.platform, suspended) });
        self.tell_findings();
        if let Ok(block) = allocated {
            return self.served(block, layout, frame_pointer);
        }
        self.flush_quarantine();
        self.allocate_slowly(self.enter().suspend(), layout, frame_pointer)
    }

    /// What an allocation got; the platform is told if that is nothing.
    fn served(
        &self,
        block: Option<NonNull<u8>>,
        layout: Layout,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        if block.is_none() {
            self.platform.allocation_failed(layout, frame_pointer);
        }
        block
    }

    /// The way of a free of a recorded block, as long as nothing shrinks.
    #[inline(never)]
    pub(super) fn free_recorded(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
    ) {
        self.free_by::<false, false>(suspended, address, claim, report);
    }

    /// The same where the free is remembered with its callers.
    #[inline(never)]
    pub(super) fn free_with_callers(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
    ) {
        self.free_by::<true, false>(suspended, address, claim, report);
    }

    /// The same where an event is written to the history, too.
    #[inline(never)]
    pub(super) fn free_with_event(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
    ) {
        self.free_by::<true, true>(suspended, address, claim, report);
    }

    #[expect(clippy::inline_always, reason = "the body of three functions")]
    #[inline(always)]
    fn free_by<const WITH_CALLERS: bool, const WITH_EVENT: bool>(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
    ) {
        // SAFETY: the caller entered this lock just now.
        let mut inner = unsafe { self.inner.resume(&self.platform, suspended) };
        if !inner.free_recorded::<P, _, WITH_CALLERS, WITH_EVENT>(address, claim, &self.platform) {
            self.free_slowly(inner.suspend(), address, claim, report, self.platform.frame_pointer());
        }
    }

    /// The way of any free.
    #[cold]
    #[inline(never)]
    pub(super) fn free_fully(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
    ) {
        // SAFETY: the caller entered this lock just now.
        let inner = unsafe { self.inner.resume(&self.platform, suspended) };
        let way = inner.guarded_way;
        let suspended = inner.suspend();
        match way {
            GuardedWay::Fully | GuardedWay::BetweenSamples => {
                self.free_slowly(suspended, address, claim, report, self.platform.frame_pointer());
            }
            GuardedWay::RedZone => self.free_with_zone(suspended, address, claim, report),
            GuardedWay::Full => self.free_with_zones(suspended, address, claim, report),
        }
    }

    /// The way of a free of a block with a zone, as long as nothing shrinks and all is whole.
    #[inline(never)]
    fn free_with_zone(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
    ) {
        self.free_guarded_by::<false>(suspended, address, claim, report);
    }

    /// The same for a block with two zones, which is held back.
    #[inline(never)]
    fn free_with_zones(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
    ) {
        self.free_guarded_by::<true>(suspended, address, claim, report);
    }

    #[expect(clippy::inline_always, reason = "the body of two functions")]
    #[inline(always)]
    fn free_guarded_by<const IS_FULL: bool>(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
    ) {
        // SAFETY: the caller entered this lock just now.
        let mut inner = unsafe { self.inner.resume(&self.platform, suspended) };
        if !inner.free_zoned::<P, _, IS_FULL>(address, claim, &self.platform) {
            self.free_slowly(inner.suspend(), address, claim, report, self.platform.frame_pointer());
        }
    }

    /// The same, for a caller whose frame is known.
    #[cold]
    #[inline(never)]
    pub(super) fn free_slowly(
        &self,
        suspended: Suspended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree),
        frame_pointer: usize,
    ) {
        // SAFETY: the caller entered this lock just now.
        let mut inner = unsafe { self.inner.resume(&self.platform, suspended) };
        let Some(block) = NonNull::new(address as *mut u8) else { return };
        let freed = inner.free(block, claim, &Caller { frame_pointer, platform: &self.platform });
        let has_findings = !inner.guards.findings.is_empty();
        drop(inner);
        if has_findings {
            self.tell_findings();
        }
        if let Err(bad) = freed {
            report(bad);
        }
    }
}

//! The path of a free, from top to bottom, with the same structure as that of an allocation.
//!
//! [`Tracked::free_or`] is inlined into its caller and serves levels `off` and `counters` there. `free_recorded`
//! frees a block of the live map, as long as its guards are intact and none of the tracker's tables has to shrink.
//! `free_slowly` does everything else, bad frees included.

mod fast;

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Tracked;
use super::inner::{Caller, Claim, Copied, FastPath, Inner, PointerOnly, Steps, address_of};
use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::lock::Guard;
use crate::platform::Platform;
use crate::record::{Guarding, Record};
use crate::stacks::walk::keep_frame;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Frees the block at `block`, of which only the pointer is known. Where waiting for the lock would never end, the block
    /// stays live, `Ok` is returned, and [`Hooks::on_lock_refused`](crate::Hooks::on_lock_refused) is called.
    ///
    /// # Errors
    ///
    /// [`BadFree`] if no live block starts there; then it is counted, and nothing else changes.
    ///
    /// # Safety
    ///
    /// If a live block starts at `block`, nobody uses it any more.
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free(&self, block: NonNull<u8>) -> Result<(), BadFree> {
        let mut result = Ok(());
        // SAFETY: upheld by the caller.
        unsafe { self.free_or(block.as_ptr(), |bad, _| result = Err(bad)) };
        result
    }

    /// Frees the block at `block`, which was allocated with `layout`.
    ///
    /// # Errors
    ///
    /// As for [`Tracked::free`], and if the block is recorded with another layout.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free_with_layout(&self, block: NonNull<u8>, layout: Layout) -> Result<(), BadFree> {
        let mut result = Ok(());
        // SAFETY: upheld by the caller.
        unsafe { self.free_with_layout_or(block.as_ptr(), layout, |bad, _| result = Err(bad)) };
        result
    }

    /// As [`Tracked::free`], but calls `report` with the error and the caller's frame pointer, once the tracker's lock
    /// is released. A null pointer is ignored. This is the cheapest free, as it returns nothing.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free_or(&self, block: *mut u8, report: impl FnOnce(BadFree, usize)) {
        // SAFETY: upheld by the caller.
        unsafe { self.free_claimed(block as usize, PointerOnly, report) };
    }

    /// As [`Tracked::free_with_layout`], with the error handed to `report` as by [`Tracked::free_or`].
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free_with_layout_or(
        &self,
        block: *mut u8,
        layout: Layout,
        report: impl FnOnce(BadFree, usize),
    ) {
        // SAFETY: upheld by the caller.
        unsafe { self.free_claimed(block as usize, layout, report) };
    }

    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    #[expect(clippy::comparison_chain, reason = "two comparisons, and no table of jumps")]
    unsafe fn free_claimed(&self, address: usize, claim: impl Claim, report: impl FnOnce(BadFree, usize)) {
        if !self.inner.is_owned() {
            return self.free_in_lane(address, claim, report);
        }
        let mut inner = match self.inner.enter_owned() {
            Ok(inner) => inner,
            Err(contended) => return self.free_later(contended, address, claim, report),
        };
        // As for allocations.
        let path = inner.free_path;
        let is_freed = if path > FastPath::Count {
            // SAFETY: upheld by the caller.
            unsafe { inner.free_uncounted(address, claim) }
        } else if path == FastPath::Count {
            // SAFETY: upheld by the caller.
            unsafe { inner.free_counted(address, claim, self.platform()) }
        } else {
            return self.free_on(path, address, claim, inner, report);
        };
        if is_freed {
            inner.leave_owned();
        } else {
            self.free_elsewhere(address, claim, inner, report);
        }
    }

    /// Continues on the copy of the fast path for `path`.
    #[inline(always)]
    fn free_on(
        &self,
        path: FastPath,
        address: usize,
        claim: impl Claim,
        inner: Guard<'_, Inner<B>, P>,
        report: impl FnOnce(BadFree, usize),
    ) {
        const BLOCKS: Copied = Steps::AT_BLOCKS;
        const STACKS: Copied = Steps::AT_STACKS;
        const RED_ZONE: Copied = Steps::RED_ZONED[1];
        const FULL_GUARD: Copied = Steps::FULLY_GUARDED[1];
        match path {
            path if FastPath::IS_SMALL && path > FastPath::Sampling => {
                self.free_by_steps(address, claim, inner, report);
            }
            FastPath::Blocks => self.free_recorded::<BLOCKS>(address, claim, inner, report),
            FastPath::Stacks => self.free_recorded::<STACKS>(address, claim, inner, report),
            FastPath::Full => self.free_recorded::<{ Steps::AT_FULL }>(address, claim, inner, report),
            FastPath::BlocksRedZone => {
                self.free_recorded::<{ BLOCKS | RED_ZONE }>(address, claim, inner, report);
            }
            FastPath::StacksRedZone => {
                self.free_recorded::<{ STACKS | RED_ZONE }>(address, claim, inner, report);
            }
            FastPath::BlocksFullGuard => {
                self.free_recorded::<{ BLOCKS | FULL_GUARD }>(address, claim, inner, report);
            }
            FastPath::StacksFullGuard => {
                self.free_recorded::<{ STACKS | FULL_GUARD }>(address, claim, inner, report);
            }
            FastPath::Unprepared => self.free_first(address, claim, inner, report),
            FastPath::Slow => self.free_elsewhere(address, claim, inner, report),
            FastPath::Pass | FastPath::Count | FastPath::Sampling | FastPath::Any => {
                self.free_by_steps(address, claim, inner, report);
            }
        }
    }

    /// Frees a recorded block, as long as no table has to shrink; else continues on the slow path.
    #[inline(never)]
    fn free_recorded<const COPY: Copied>(
        &self,
        address: usize,
        claim: impl Claim,
        mut inner: Guard<'_, Inner<B>, P>,
        report: impl FnOnce(BadFree, usize),
    ) {
        let platform = self.platform();
        if inner.free_at_hand::<P, _, COPY>(address, claim, || platform.frame_pointer(), platform) {
            inner.leave_owned();
        } else {
            self.free_slowly(address, claim, inner, platform.frame_pointer(), report);
            keep_frame();
        }
    }

    /// As [`Tracked::free_recorded`], for any steps.
    #[inline(never)]
    fn free_by_steps(
        &self,
        address: usize,
        claim: impl Claim,
        mut inner: Guard<'_, Inner<B>, P>,
        report: impl FnOnce(BadFree, usize),
    ) {
        let (platform, frame_pointer) = (self.platform(), self.platform().frame_pointer());
        if !inner.free_by_steps(address, claim.layout(), frame_pointer, platform) {
            self.free_slowly(address, claim, inner, frame_pointer, report);
        }
        keep_frame();
    }

    /// Continues on the slow path, from code that is inlined into the caller.
    #[cold]
    #[inline(never)]
    fn free_elsewhere(
        &self,
        address: usize,
        claim: impl Claim,
        inner: Guard<'_, Inner<B>, P>,
        report: impl FnOnce(BadFree, usize),
    ) {
        self.free_slowly(address, claim, inner, self.platform().frame_pointer(), report);
        keep_frame();
    }

    /// A free that comes before any allocation makes the tracker ready.
    #[cold]
    #[inline(never)]
    fn free_first(
        &self,
        address: usize,
        claim: impl Claim,
        inner: Guard<'_, Inner<B>, P>,
        report: impl FnOnce(BadFree, usize),
    ) {
        let frame_pointer = self.platform().frame_pointer();
        self.free_slowly(address, claim, self.ready(inner), frame_pointer, report);
        keep_frame();
    }

    /// Frees the old memory of a block that a reallocation has moved, and counts the reallocation in the same critical
    /// section.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    pub(super) unsafe fn free_moved(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        caller: &Caller<'_, P>,
    ) -> Result<(), BadFree> {
        let address = address_of(block);
        let mut inner = self.enter();
        let is_freed = !self.inner.has_lanes()
            && inner.free_path.may_record()
            && inner.free_by_steps(address, Some(layout), caller.frame_pointer, caller.platform);
        let freed = if is_freed { Ok(()) } else { inner.free(block, Some(layout), caller) };
        if freed.is_ok() {
            inner.note_move_from(address, caller);
            inner.count_reallocation(caller.platform);
        }
        let has_findings = !inner.guards.findings.is_empty();
        drop(inner);
        if has_findings {
            self.report_findings(caller.frame_pointer);
            keep_frame();
        }
        freed
    }

    /// The slow path: frees in every case, or reports a bad free.
    #[cold]
    #[inline(never)]
    pub(super) fn free_slowly(
        &self,
        address: usize,
        claim: impl Claim,
        mut inner: Guard<'_, Inner<B>, P>,
        frame_pointer: usize,
        report: impl FnOnce(BadFree, usize),
    ) {
        let Some(block) = NonNull::new(address as *mut u8) else { return };
        let freed = inner.free(block, claim.layout(), &Caller { frame_pointer, platform: self.platform() });
        let has_findings = !inner.guards.findings.is_empty();
        drop(inner);
        if has_findings {
            self.report_findings(frame_pointer);
        }
        if let Err(bad) = freed {
            report(bad, frame_pointer);
        }
    }
}

impl<B: Backend> Inner<B> {
    /// Frees a block, at any level. `claim` is its layout, as far as the caller knows.
    pub(super) fn free<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claim: Option<Layout>,
        caller: &Caller<'_, P>,
    ) -> Result<(), BadFree> {
        let platform = caller.platform;
        let is_claimed = |record: &Record| claim.fits(record);
        let Some(record) = self.live.remove_if(address_of(block), is_claimed, &mut self.arena, platform)
        else {
            return self.free_unrecorded(block, claim, caller);
        };
        if self.is_guarding || record.guarding() != Guarding::None {
            self.free_guarded(&record, caller);
            return Ok(());
        }
        let Some(backend) = self.backend.as_mut() else { return Ok(()) };
        // SAFETY: the block was live: it was just removed from the live map, with the layout of its allocation.
        let taken_bytes = unsafe { backend.deallocate(block, record.layout()) };
        self.count_free_of(&record, taken_bytes, platform);
        self.note_free_of(&record, caller);
        // Without records of an earlier level there may be a fast path again.
        if self.live.len() == 0 && self.level < crate::level::Level::Blocks {
            self.choose_steps();
        }
        Ok(())
    }
}

//! The path of a reallocation: in place if the backend would use the same memory anyway; else by the backend, if it does
//! better than to allocate, copy and free; else by an allocation and a free. What is done under one lock stands in
//! `inner/resize.rs`, the fast path in `reallocate/fast.rs`.

mod fast;

use core::alloc::Layout;
use core::ptr::{NonNull, copy_nonoverlapping};

use super::Tracked;
use super::inner::{Caller, Claim, Inner, PointerOnly, address_of};
use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::lock::Guard;
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::refused::LockRefused;
use crate::stacks::walk::keep_frame;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Gives the block a new size, in place or by a move; its contents stay up to the smaller size.
    /// `Ok(None)` if there is no memory, or if waiting for the lock would never end: the block is unchanged then.
    ///
    /// # Errors
    ///
    /// [`BadFree`] if no live block starts at `block`.
    ///
    /// # Safety
    ///
    /// If a live block starts at `block`, it is the caller's, and is not used after a move.
    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        // SAFETY: upheld by the caller.
        unsafe { self.reallocate_claimed(block, PointerOnly, new_size_bytes) }
    }

    /// As [`Tracked::reallocate`], for a block that was allocated with `layout`: so its alignment is kept
    /// even if it is not recorded.
    ///
    /// # Errors
    ///
    /// As for [`Tracked::reallocate`], and if the block was allocated with another layout. For a block without a record
    /// that is detected only if the backend [knows](Backend::locate) its blocks, and the layout would take more or less
    /// memory.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn reallocate_with_layout(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        let mut refused = None;
        // SAFETY: upheld by the caller.
        let moved = unsafe {
            self.reallocate_with_layout_or(block, layout, new_size_bytes, |bad, _| refused = Some(bad))
        };
        refused.map_or(Ok(moved), Err)
    }

    /// As [`Tracked::reallocate_with_layout`], but calls `report` with the error and the caller's frame pointer, once the
    /// tracker's lock is released, and returns `None`. It returns in a register, which takes 18 instructions fewer at level
    /// `off`.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn reallocate_with_layout_or(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        new_size_bytes: usize,
        report: impl FnOnce(BadFree, usize),
    ) -> Option<NonNull<u8>> {
        if !B::HAS_RESIZE || !self.inner.is_owned() {
            // SAFETY: upheld by the caller.
            return match unsafe { self.reallocate_claimed(block, layout, new_size_bytes) } {
                Ok(moved) => moved,
                Err(bad) => {
                    report(bad, self.platform().frame_pointer());
                    None
                }
            };
        }
        // SAFETY: upheld by the caller.
        match unsafe { self.resize_unrecorded(block, layout, new_size_bytes) } {
            Ok(resized) => Some(resized),
            // SAFETY: upheld by the caller.
            Err(inner) => unsafe { self.reallocate_recorded(inner, block, layout, new_size_bytes, report) },
        }
    }

    /// Hands the reallocation on to the backend at levels without records.
    ///
    /// # Errors
    ///
    /// The lock, if that is not possible; nothing has changed then. `None` if there are lanes, or waiting for it would never
    /// end.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    unsafe fn resize_unrecorded(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        new_size_bytes: usize,
    ) -> Result<NonNull<u8>, Option<Guard<'_, Inner<B>, P>>> {
        let mut inner = match self.inner.enter_owned() {
            Ok(inner) => inner,
            Err(contended) => return Err(self.inner.wait(contended).filter(|_| !self.inner.has_lanes())),
        };
        // SAFETY: upheld by the caller.
        let resized = unsafe { inner.resize_unrecorded(block, layout, new_size_bytes, self.platform()) };
        let Some(resized) = resized else { return Err(Some(inner)) };
        inner.leave_owned();
        Ok(resized)
    }

    /// Has the backend resize a block with a record, and else continues.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    #[inline(never)]
    unsafe fn reallocate_recorded(
        &self,
        inner: Option<Guard<'_, Inner<B>, P>>,
        block: NonNull<u8>,
        layout: Layout,
        new_size_bytes: usize,
        report: impl FnOnce(BadFree, usize),
    ) -> Option<NonNull<u8>> {
        let caller = self.caller();
        if let Some(mut inner) = inner {
            // SAFETY: upheld by the caller.
            let resized = unsafe { inner.resize_at_hand(block, layout, new_size_bytes, &caller) };
            if resized.is_some() {
                inner.leave_owned();
                return resized;
            }
        }
        // SAFETY: upheld by the caller.
        let done = unsafe { self.reallocate_for(block, Some(layout), new_size_bytes, &caller) };
        let moved = done.unwrap_or_else(|bad| {
            report(bad, caller.frame_pointer);
            None
        });
        keep_frame();
        moved
    }

    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    #[inline(never)]
    unsafe fn reallocate_claimed(
        &self,
        block: NonNull<u8>,
        claim: impl Claim,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        // SAFETY: upheld by the caller.
        let done = unsafe { self.reallocate_for(block, claim.layout(), new_size_bytes, &self.caller()) };
        keep_frame();
        done
    }

    /// Reallocates on behalf of a caller.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    #[inline(never)]
    unsafe fn reallocate_for(
        &self,
        block: NonNull<u8>,
        claim: impl Claim,
        new_size_bytes: usize,
        caller: &Caller<'_, P>,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        if !self.inner.is_owned()
            && let Some(done) = self.reallocate_in_lane(block, claim, new_size_bytes, caller)
        {
            return done;
        }
        let old_layout = {
            let Some(mut inner) = self.enter_if_ever_free() else {
                self.refuse(
                    &LockRefused::Reallocate { address: block.as_ptr() as usize, new_size_bytes },
                    caller,
                );
                return Ok(None);
            };
            let layout = inner.layout_of(block, claim, caller)?;
            let is_resized = inner.resize_in_place(block, layout, new_size_bytes, caller);
            let mut resized = is_resized.then_some(block);
            // Copying little takes less than finding the record again.
            let is_large = layout.size().max(new_size_bytes) >= PAGE_SIZE_BYTES;
            if !is_resized && is_large && B::HAS_RESIZE {
                // SAFETY: the block is live, with this layout; the caller owns it, and gives it up if it moves.
                resized = unsafe { inner.resize_by_backend(block, layout, new_size_bytes, caller) };
            }
            let has_findings = !inner.guards.findings.is_empty();
            drop(inner);
            if has_findings {
                self.report_findings(caller.frame_pointer);
            }
            if resized.is_some() {
                return Ok(resized);
            }
            layout
        };
        let Ok(new_layout) = Layout::from_size_align(new_size_bytes, old_layout.align()) else {
            self.enter().fail(new_size_bytes, caller);
            return Ok(None);
        };
        let Some(moved) = self.allocate_for(new_layout, caller.frame_pointer) else { return Ok(None) };
        // SAFETY: both blocks are live, different, and at least that long; the caller owns the old one.
        let freed = unsafe {
            copy_nonoverlapping(block.as_ptr(), moved.as_ptr(), old_layout.size().min(new_size_bytes));
            self.free_moved(block, old_layout, caller)
        };
        if let Err(bad) = freed {
            // Somebody else has freed the old block meanwhile.
            self.free_slowly(address_of(moved), new_layout, self.enter(), caller.frame_pointer, |_, _| {});
            return Err(bad);
        }
        Ok(Some(moved))
    }
}

//! The path of a free, from top to bottom: built as that of an allocation is.
//!
//! [`Tracked::free_or`] is inlined into its caller and does there what levels `off` and `counters` ask for.
//! `free_recorded` frees a block that the live map has, as long as that takes no call, its guards are whole, and nothing
//! of the tracker's has to shrink. Whatever else there is to do, `free_slowly` does: bad frees come there too.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Tracked;
use super::inner::{Caller, Claim, Copied, FastPath, Inner, PointerOnly, Steps, address_of};
use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::guard::quarantine::Freed;
use crate::guard::zones;
use crate::history::Event;
use crate::lock::Guard;
use crate::platform::Platform;
use crate::record::{Guarding, Origin, Record};
use crate::stacks::MAX_FREE_FRAMES;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Frees the block at `block`, of which only the pointer is known. Where waiting for the lock would never end the
    /// block stays live, which the platform is told.
    ///
    /// # Errors
    ///
    /// [`BadFree`] when no live block starts there; nothing has changed then but a counter.
    ///
    /// # Safety
    ///
    /// If a live block starts at `block`, nobody uses it any more.
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free(&self, block: NonNull<u8>) -> Result<(), BadFree> {
        let mut result = Ok(());
        // SAFETY: handed on to the caller.
        unsafe { self.free_or(block.as_ptr(), |bad, _| result = Err(bad)) };
        result
    }

    /// Frees the block at `block`, which was allocated with `layout`.
    ///
    /// # Errors
    ///
    /// As for [`Tracked::free`], and when the block was allocated with another layout.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free_with_layout(&self, block: NonNull<u8>, layout: Layout) -> Result<(), BadFree> {
        let mut result = Ok(());
        // SAFETY: handed on to the caller.
        unsafe { self.free_with_layout_or(block.as_ptr(), layout, |bad, _| result = Err(bad)) };
        result
    }

    /// As [`Tracked::free`], with the error handed to `report`, when the tracker's lock is not held any more, and the
    /// frame pointer of who frees beside it. A null pointer is ignored. The cheapest way to free: nothing is returned.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free_or(&self, block: *mut u8, report: impl FnOnce(BadFree, usize)) {
        // SAFETY: handed on to the caller.
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
        // SAFETY: handed on to the caller.
        unsafe { self.free_claimed(block as usize, layout, report) };
    }

    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    unsafe fn free_claimed(&self, address: usize, claim: impl Claim, report: impl FnOnce(BadFree, usize)) {
        let mut inner = match self.inner.enter_at_once() {
            Ok(inner) => inner,
            Err(contended) => return self.free_later(contended, address, claim, report),
        };
        let path = inner.free_path;
        if path > FastPath::Count {
            return self.free_on(path, address, claim, inner, report);
        }
        // SAFETY: handed on to the caller.
        if !unsafe { inner.free_unrecorded_fast(address, claim, path, self.platform()) } {
            self.free_elsewhere(address, claim, inner, report);
        }
    }

    /// Goes on with a copy of the fast path.
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
            FastPath::Pass | FastPath::Count | FastPath::Sampling | FastPath::Any => {
                self.free_recorded::<{ Steps::ANY }>(address, claim, inner, report);
            }
        }
    }

    /// Frees a recorded block, as long as nothing has to shrink.
    #[inline(never)]
    fn free_recorded<const COPY: Copied>(
        &self,
        address: usize,
        claim: impl Claim,
        mut inner: Guard<'_, Inner<B>, P>,
        report: impl FnOnce(BadFree, usize),
    ) {
        let platform = self.platform();
        if !inner.free_at_hand::<P, _, COPY>(address, claim, || platform.frame_pointer(), platform) {
            self.free_slowly(address, claim, inner, platform.frame_pointer(), report);
        }
    }

    /// The continuation where nothing is recorded.
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
    }

    /// The same path for a reallocation, whose caller's frame is known.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    pub(super) unsafe fn free_for(
        &self,
        address: usize,
        claim: impl Claim,
        frame_pointer: usize,
    ) -> Result<(), BadFree> {
        let mut inner = self.enter();
        let is_recorded = inner.free_path > FastPath::Count;
        let mut freed = Ok(());
        if !is_recorded
            || !inner.free_at_hand::<P, _, { Steps::ANY }>(address, claim, || frame_pointer, self.platform())
        {
            self.free_slowly(address, claim, inner, frame_pointer, |bad, _| freed = Err(bad));
        }
        freed
    }

    /// Frees, whatever that takes; or finds out what is wrong.
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
        let freed = inner.free(block, claim, &Caller { frame_pointer, platform: self.platform() });
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
    /// Frees if no record can be there and the backend does it at once. As for allocations, it is called in two places.
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate_unsized`].
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    unsafe fn free_unrecorded_fast(
        &mut self,
        address: usize,
        claim: impl Claim,
        path: FastPath,
        platform: &impl Platform,
    ) -> bool {
        // SAFETY: the steps are such only once there is a backend with fast paths.
        let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
        if path == FastPath::Count {
            // SAFETY: handed on to the caller.
            let taken_bytes = unsafe { backend.deallocate_fast(address, claim.layout()) };
            let Some(taken_bytes) = taken_bytes else { return false };
            self.tallies.count_free(platform.cpu(), taken_bytes);
            return true;
        }
        // SAFETY: handed on to the caller.
        unsafe { backend.deallocate_fast(address, claim.layout()) }.is_some()
    }

    /// Frees a block that the live map has; says whether it did.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    fn free_at_hand<P: Platform, C: Claim, const COPY: Copied>(
        &mut self,
        address: usize,
        claim: C,
        frame_pointer: impl Fn() -> usize,
        platform: &P,
    ) -> bool {
        let steps = Steps::of_copy::<COPY>(self.free_steps);
        let Some(found) = self.live.find_fast(address) else { return false };
        let record = found.record;
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
            // SAFETY: the steps are such only once there is a backend with fast paths. The live map has the block, with this layout;
            // the caller gives it up.
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

    /// Gives a guarded block up: to the backend, or to the quarantine. Says how many bytes it took, and the number of the
    /// free's stack. `None` if that is not done in a few instructions, or the guards are not whole.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    fn give_guarded<P: Platform>(
        &mut self,
        record: &Record,
        steps: Steps,
        frame_pointer: impl Fn() -> usize,
        platform: &P,
    ) -> Option<(usize, u16)> {
        // A block may be guarded as another level asked for.
        if steps.has(Steps::SLOW) || !record.is_guarded_as(steps.guarding()) {
            return None;
        }
        let freed = &mut self.guards.freed;
        // What is in quarantine is never overwritten: of what another level left there the slow path takes care.
        let is_left = !steps.has(Steps::FULL_GUARD) && freed.held_blocks() > 0;
        if is_left || !freed.has_place() && !freed.turn_page() {
            return None;
        }
        let (address, mut own_layout, mut stack) = (record.address(), record.layout(), 0);
        if steps.has(Steps::STACK) {
            let known = self.depot.recall::<P, MAX_FREE_FRAMES>(frame_pointer(), platform)?;
            // SAFETY: stacks stay where they are, and nothing else refers to this one now.
            stack = unsafe { known.as_ref() }.number();
        }
        if steps.has(Steps::RED_ZONE | Steps::FULL_GUARD) {
            own_layout = zones::small_layout(steps.guarding(), own_layout)?.0;
            // SAFETY: a live block with these zones.
            if !unsafe { zones::are_whole_as(steps.guarding(), address as *mut u8, record.size_bytes()) } {
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
            unsafe { zones::fill(address as *mut u8, record.size_bytes(), zones::FREED) };
            return Some((taken_bytes, stack));
        }
        // SAFETY: the live map has the block, which starts where the backend's does, with this layout; the caller gives it
        // up.
        Some((unsafe { backend.deallocate_fast(address, Some(own_layout)) }?, stack))
    }

    /// Frees a block, at any level.
    fn free<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claim: impl Claim,
        caller: &Caller<'_, P>,
    ) -> Result<(), BadFree> {
        let platform = caller.platform;
        let is_claimed = |record: &Record| claim.fits(record);
        let Some(record) = self.live.remove_if(address_of(block), is_claimed, &mut self.arena, platform)
        else {
            return self.free_unrecorded(block, claim.layout(), caller);
        };
        if self.is_guarding || record.guarding() != Guarding::None {
            self.free_guarded(&record, caller);
            return Ok(());
        }
        let Some(backend) = self.backend.as_mut() else { return Ok(()) };
        // SAFETY: the live map had the block, with the layout that it was allocated with, and has it no
        // more.
        let taken_bytes = unsafe { backend.deallocate(block, record.layout()) };
        self.count_free_of(&record, taken_bytes, platform);
        self.note_free_of(&record, caller);
        // The last record of another level is gone.
        if self.live.len() == 0 && self.level < crate::level::Level::Blocks {
            self.choose_steps();
        }
        Ok(())
    }
}

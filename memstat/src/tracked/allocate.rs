//! The path of an allocation, from top to bottom.
//!
//! [`Tracked::allocate`] is inlined into its caller and serves levels `off` and `counters` there, so no registers have
//! to be saved, which would take 14 instructions. `allocate_recorded` serves the other levels, as long as the backend has
//! a block ready, the call stack is one that was seen recently, and none of the tracker's tables has to grow.
//! `allocate_slowly` does everything else. Each passes the lock on to the next.

mod fast;

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Tracked;
use super::inner::{Caller, Copied, FastPath, FindingsPending, Inner, Steps};
use crate::backend::Backend;
use crate::guard::Wanted;
use crate::lock::Guard;
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::refused::LockRefused;
use crate::stacks::Stack;
use crate::stacks::walk::keep_frame;

/// How far the fast path got.
enum Progress {
    /// The block is allocated, counted and recorded.
    Done(NonNull<u8>),
    /// Not to the end.
    Begun(Begun),
}

/// What the fast path has done already, so that the slow path need not do it again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    /// The block that the backend has given, which is neither counted nor recorded.
    pub(super) block: Option<NonNull<u8>>,
    /// The caller's call stack, if it is recorded and was found.
    stack: Option<NonNull<Stack>>,
}

impl Begun {
    /// Nothing.
    const NOTHING: Self = Self { block: None, stack: None };

    /// The backend has given a block, or none.
    pub(super) fn taken(block: Option<NonNull<u8>>) -> Self {
        Self { block, stack: None }
    }
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Allocates a block. `None` if the backend has none or fault injection makes it fail, which counts as a failure; also
    /// if waiting for the lock would never end (see [`Hooks::is_lock_held_here`](crate::Hooks::is_lock_held_here)), which
    /// counts as a lock refusal and calls [`Hooks::on_lock_refused`](crate::Hooks::on_lock_refused).
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    #[expect(clippy::comparison_chain, reason = "two comparisons, and no table of jumps")]
    pub fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        if !self.inner.is_owned() {
            return self.allocate_in_lane(layout);
        }
        let mut inner = match self.inner.enter_owned() {
            Ok(inner) => inner,
            Err(contended) => return self.allocate_later(contended, layout),
        };
        // Level `off` comes first, as there the others' tests would cost most.
        let path = inner.allocation_path;
        let block = if path > FastPath::Count {
            inner.allocate_uncounted(layout)
        } else if path == FastPath::Count {
            inner.allocate_counted(layout, self.platform())
        } else {
            return self.allocate_on(path, layout, inner);
        };
        let Some(block) = block else { return self.allocate_elsewhere(layout, inner) };
        inner.leave_owned();
        Some(block)
    }

    /// As [`Tracked::allocate`], with all bytes zero.
    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    pub fn allocate_zeroed(&self, layout: Layout) -> Option<NonNull<u8>> {
        // To write a few bytes takes less than to ask.
        if B::HAS_ZEROED && layout.size() >= PAGE_SIZE_BYTES {
            return self.allocate_large_zeroed(layout);
        }
        let block = self.allocate(layout)?;
        // SAFETY: a fresh block of at least that size.
        unsafe { block.write_bytes(0, layout.size()) };
        Some(block)
    }

    /// Asks the backend for zeroed memory, where nothing is to be written to the block, or decided before.
    #[inline(never)]
    fn allocate_large_zeroed(&self, layout: Layout) -> Option<NonNull<u8>> {
        let caller = self.caller();
        let Some(mut inner) = self.enter_if_ever_free() else {
            self.refuse(&LockRefused::Allocate(layout), &caller);
            return None;
        };
        let may_forward = inner.may_forward();
        let zeroed =
            inner.backend.as_mut().filter(|_| may_forward).and_then(|own| own.allocate_zeroed(layout));
        if let Some(own) = zeroed {
            let begun = Begun::taken(Some(own.cast()));
            let block = self.allocate_slowly(begun, layout, inner, caller.frame_pointer);
            keep_frame();
            return block;
        }
        drop(inner);
        let block = self.allocate_for(layout, caller.frame_pointer)?;
        // SAFETY: a fresh block of at least that size.
        unsafe { block.write_bytes(0, layout.size()) };
        Some(block)
    }

    /// Continues on the copy of the fast path for `path`.
    #[inline(always)]
    fn allocate_on(
        &self,
        path: FastPath,
        layout: Layout,
        inner: Guard<'_, Inner<B>, P>,
    ) -> Option<NonNull<u8>> {
        const BLOCKS: Copied = Steps::AT_BLOCKS;
        const STACKS: Copied = Steps::AT_STACKS;
        const RED_ZONE: Copied = Steps::RED_ZONED[0];
        const FULL_GUARD: Copied = Steps::FULLY_GUARDED[0];
        match path {
            path if FastPath::IS_SMALL && path > FastPath::Sampling => self.allocate_by_steps(layout, inner),
            FastPath::Blocks => self.allocate_recorded::<BLOCKS>(layout, inner),
            FastPath::Stacks => self.allocate_recorded::<STACKS>(layout, inner),
            FastPath::Full => self.allocate_recorded::<{ Steps::AT_FULL }>(layout, inner),
            FastPath::BlocksRedZone => self.allocate_recorded::<{ BLOCKS | RED_ZONE }>(layout, inner),
            FastPath::StacksRedZone => self.allocate_recorded::<{ STACKS | RED_ZONE }>(layout, inner),
            FastPath::BlocksFullGuard => self.allocate_recorded::<{ BLOCKS | FULL_GUARD }>(layout, inner),
            FastPath::StacksFullGuard => self.allocate_recorded::<{ STACKS | FULL_GUARD }>(layout, inner),
            FastPath::Sampling => self.allocate_between_samples(layout, inner),
            FastPath::Unprepared => self.allocate_first(layout, inner),
            FastPath::Slow => self.allocate_elsewhere(layout, inner),
            FastPath::Pass | FastPath::Count | FastPath::Any => self.allocate_by_steps(layout, inner),
        }
    }

    /// Samples the allocation, or continues with the fast path that it would take without sampling.
    #[inline(never)]
    fn allocate_between_samples(
        &self,
        layout: Layout,
        mut inner: Guard<'_, Inner<B>, P>,
    ) -> Option<NonNull<u8>> {
        if inner.guards.pool.count_down() {
            return self.allocate_elsewhere(layout, inner);
        }
        let path = inner.unsampled_path;
        self.allocate_on(path, layout, inner)
    }

    /// Allocates and records, as long as no table has to grow; else continues on the slow path.
    #[inline(never)]
    fn allocate_recorded<const COPY: Copied>(
        &self,
        layout: Layout,
        mut inner: Guard<'_, Inner<B>, P>,
    ) -> Option<NonNull<u8>> {
        let platform = self.platform();
        // A closure, so that the register is read only where the frame pointer is needed.
        let begun = match inner.allocate_at_hand::<P, COPY>(layout, || platform.frame_pointer(), platform) {
            Progress::Done(block) => {
                inner.leave_owned();
                return Some(block);
            }
            Progress::Begun(begun) => begun,
        };
        let block = self.allocate_slowly(begun, layout, inner, platform.frame_pointer());
        keep_frame();
        block
    }

    /// As [`Tracked::allocate_recorded`], for any steps.
    #[inline(never)]
    fn allocate_by_steps(&self, layout: Layout, inner: Guard<'_, Inner<B>, P>) -> Option<NonNull<u8>> {
        let block = self.allocate_by_steps_for(layout, inner, self.platform().frame_pointer());
        keep_frame();
        block
    }

    /// The same, on behalf of the caller with this frame pointer.
    #[inline(never)]
    fn allocate_by_steps_for(
        &self,
        layout: Layout,
        mut inner: Guard<'_, Inner<B>, P>,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        let platform = self.platform();
        let begun = match inner.allocate_at_hand::<P, { Steps::ANY }>(layout, || frame_pointer, platform) {
            Progress::Done(block) => return Some(block),
            Progress::Begun(begun) => begun,
        };
        self.allocate_slowly(begun, layout, inner, frame_pointer)
    }

    /// Continues on the slow path, from code that is inlined into the caller.
    #[cold]
    #[inline(never)]
    fn allocate_elsewhere(&self, layout: Layout, inner: Guard<'_, Inner<B>, P>) -> Option<NonNull<u8>> {
        let block = self.allocate_slowly(Begun::NOTHING, layout, inner, self.platform().frame_pointer());
        keep_frame();
        block
    }

    /// The first allocation makes the tracker ready.
    #[cold]
    #[inline(never)]
    fn allocate_first(&self, layout: Layout, inner: Guard<'_, Inner<B>, P>) -> Option<NonNull<u8>> {
        let frame_pointer = self.platform().frame_pointer();
        let block = self.allocate_slowly(Begun::NOTHING, layout, self.ready(inner), frame_pointer);
        keep_frame();
        block
    }

    /// Allocates the new block of a reallocation, on behalf of the caller with this frame pointer.
    pub(super) fn allocate_for(&self, layout: Layout, frame_pointer: usize) -> Option<NonNull<u8>> {
        let mut inner = self.enter();
        if self.inner.has_lanes() {
            return self.allocate_slowly(Begun::NOTHING, layout, inner, frame_pointer);
        }
        let is_due = inner.is_sampling && inner.guards.pool.count_down();
        if !is_due && inner.allocation_path.may_record() {
            return self.allocate_by_steps_for(layout, inner, frame_pointer);
        }
        self.allocate_slowly(Begun::NOTHING, layout, inner, frame_pointer)
    }

    /// The slow path: allocates in every case.
    #[cold]
    #[inline(never)]
    pub(super) fn allocate_slowly(
        &self,
        begun: Begun,
        layout: Layout,
        mut inner: Guard<'_, Inner<B>, P>,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        let allocated = inner.allocate(begun, layout, &Caller { frame_pointer, platform: self.platform() });
        let has_findings = !inner.guards.findings.is_empty();
        drop(inner);
        if has_findings {
            self.report_findings(frame_pointer);
        }
        match allocated {
            Ok(Some(block)) => Some(block),
            Ok(None) => {
                self.platform().allocation_failed(layout, frame_pointer);
                None
            }
            // The findings are reported, so the quarantine can be flushed.
            Err(FindingsPending) => {
                self.flush_quarantine(frame_pointer);
                self.allocate_slowly(Begun::NOTHING, layout, self.enter(), frame_pointer)
            }
        }
    }
}

impl<B: Backend> Inner<B> {
    /// Allocates, at any level.
    ///
    /// # Errors
    ///
    /// [`FindingsPending`] if the backend has no block, and findings must be reported before the quarantine can be
    /// evicted to make room.
    fn allocate<P: Platform>(
        &mut self,
        begun: Begun,
        layout: Layout,
        caller: &Caller<'_, P>,
    ) -> Result<Option<NonNull<u8>>, FindingsPending> {
        let mut taken = begun.block;
        let is_begun = taken.is_some();
        if !is_begun
            && self.is_injecting_faults
            && caller.platform.should_fail(layout.size(), caller.frame_pointer)
        {
            self.fail(layout.size(), caller);
            return Ok(None);
        }
        if !is_begun
            && self.is_sampling
            && self.guards.pool.take_turn()
            && let Some(block) = self.allocate_sampled(layout, caller)
        {
            return Ok(Some(block));
        }
        let mut wanted = Wanted::plain(layout);
        if self.is_guarding {
            wanted = self.guards.wanted(layout);
        }
        loop {
            let own = match (self.backend.as_mut(), taken.take()) {
                (Some(backend), Some(own)) => Some((own, backend.taken_size_bytes(own, wanted.layout))),
                (Some(backend), None) => backend.allocate(wanted.layout).map(|own| (own.cast(), own.len())),
                (None, _) => None,
            };
            let Some((own, taken_bytes)) = own else {
                if let Some(other) = self.make_memory(wanted, layout, caller.platform)? {
                    wanted = other;
                    continue;
                }
                self.fail(layout.size(), caller);
                return Ok(None);
            };
            // SAFETY: the backend's block has the front red zone, and more.
            let block = unsafe { own.add(wanted.front_bytes) };
            // The backend may have taken pages.
            self.defers_growth = !is_begun;
            let is_accounted = self.account(block, taken_bytes, layout, wanted.guarding, begun.stack, caller);
            self.defers_growth = false;
            if is_accounted {
                return Ok(Some(block));
            }
            // SAFETY: allocated just now with this layout, and nobody knows it.
            unsafe { self.give_to_backend(own, wanted.layout) };
            wanted = Wanted::plain(layout);
        }
    }
}

//! An allocator with a tracker around it.

use core::alloc::{GlobalAlloc, Layout};
use core::hint::assert_unchecked;
use core::ptr::{NonNull, copy_nonoverlapping, null_mut, write_bytes};

use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::counters::Counters;
use crate::level::Level;
use crate::lock::{Guard, Lock};
use crate::platform::Platform;
use crate::record::Guarding;
use crate::refused::{LockRefused, RefusedTallies};

mod consistency;
mod inner;
mod reclaiming;
mod refusing;
mod snapshot;
mod views;
mod ways;

pub use consistency::Consistency;
pub use snapshot::CrashSnapshot;
pub use views::{BlocksView, GuardCheck, GuardsView, HistoryView, LeaksView, StacksView, StatisticsView};

use inner::{Caller, Claim, Inner, PointerOnly, Way};

/// A backend whose every block is accounted for.
///
/// One lock, with interrupts masked, stands around backend and tracker together: their figures change
/// together. Nothing is logged or formatted under it, so it is safe in interrupt handlers.
#[derive(Debug)]
pub struct Tracked<B, P> {
    platform: P,
    inner: Lock<Inner<B>>,
    /// Beside the lock: who counts here could not get it.
    refused: RefusedTallies,
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// A tracker without a backend: every allocation fails until [`Tracked::start`].
    pub const fn new(platform: P) -> Self {
        Self { platform, inner: Lock::new(Inner::new()), refused: RefusedTallies::new() }
    }

    /// A tracker that allocates from `backend` from the start on, as a static of a program must. Its memory
    /// comes from [`Platform::take_page`]. No block of the backend's is live yet. The fast ways are taken after the first [`Tracked::set_level`].
    pub const fn over(platform: P, backend: B, level: Level) -> Self {
        let inner = Lock::new(Inner::with_backend(backend, level));
        Self { platform, inner, refused: RefusedTallies::new() }
    }

    /// Gives the arena its first memory. To be called before [`Tracked::start`].
    ///
    /// # Safety
    ///
    /// `[start, start + size_bytes)` is writable, page aligned, and nobody else's for ever.
    pub unsafe fn add_first_pages(&self, start: NonNull<u8>, size_bytes: usize) {
        // SAFETY: handed on to the caller.
        unsafe { self.enter().arena.add_first_pages(start, size_bytes) };
    }

    /// Caps the arena.
    pub fn set_arena_limit_bytes(&self, limit_bytes: usize) {
        self.enter().arena.set_limit_bytes(limit_bytes);
    }

    /// Puts the backend in place. A second call is ignored: blocks of the first may be live.
    pub fn start(&self, backend: B) {
        let mut inner = self.enter();
        inner.start(backend);
    }

    /// Records more or less from now on. Blocks that are live stay in the live map until they are freed, at
    /// whatever level that is; so a switch leaves no ghosts, and no count goes below zero.
    pub fn set_level(&self, level: Level) {
        let stamp = self.platform().stamp();
        if level < Level::Blocks {
            self.flush_quarantine();
        }
        self.enter().set_level(level, stamp);
    }

    /// Fault injection: whether [`Hooks::should_fail`](crate::Hooks::should_fail) is asked before each allocation. That is
    /// slow, so it is not done otherwise.
    pub fn set_fault_injection(&self, is_on: bool) {
        self.enter().fail_on_purpose(is_on);
    }

    /// How much is recorded.
    pub fn level(&self) -> Level {
        self.enter().level
    }

    /// The counters, all of one moment.
    pub fn counters(&self) -> Counters {
        self.enter().counters()
    }

    /// Reads something off the backend, under the lock: `look` must neither allocate nor log.
    pub fn with_backend<R>(&self, look: impl FnOnce(&B) -> R) -> Option<R> {
        self.enter().backend.as_ref().map(look)
    }

    /// Allocates a block. `None` when the backend has none; that is counted as a failure. `None` also where waiting for
    /// the lock would never end, see [`Hooks::is_lock_held_here`](crate::Hooks::is_lock_held_here); then `on_lock_refused` is called.
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let mut inner = match self.inner.enter_at_once(&self.platform) {
            Ok(inner) => inner,
            Err(contended) => return self.allocate_later(contended, layout),
        };
        if let Some(block) = inner.allocate_quickly(layout, &self.platform) {
            return Some(block);
        }
        match inner.allocation_way {
            Way::Record => self.allocate_recorded(inner.suspend(), layout),
            Way::RecordStack => self.allocate_with_stack(inner.suspend(), layout),
            Way::RecordEvent => self.allocate_with_event(inner.suspend(), layout),
            _ => self.allocate_fully(inner.suspend(), layout),
        }
    }

    /// Frees the block at `block`, of which only the pointer is known. Where waiting for the lock would never end the
    /// block stays live, and `on_lock_refused` is called.
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
        unsafe { self.free_or(block.as_ptr(), |bad| result = Err(bad)) };
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
        unsafe { self.free_with_layout_or(block.as_ptr(), layout, |bad| result = Err(bad)) };
        result
    }

    /// As [`Tracked::free`], with the error handed to `report`, when the tracker's lock is not held any more. A
    /// null pointer is ignored. The cheapest way to free: nothing is returned.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free_or(&self, block: *mut u8, report: impl FnOnce(BadFree)) {
        // SAFETY: handed on to the caller.
        unsafe { self.free_claimed(block as usize, PointerOnly, report) };
    }

    /// As [`Tracked::free_with_layout`], with the error handed to `report`.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub unsafe fn free_with_layout_or(&self, block: *mut u8, layout: Layout, report: impl FnOnce(BadFree)) {
        // SAFETY: handed on to the caller.
        unsafe { self.free_claimed(block as usize, layout, report) };
    }

    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    unsafe fn free_claimed(&self, address: usize, claim: impl Claim, report: impl FnOnce(BadFree)) {
        let mut inner = match self.inner.enter_at_once(&self.platform) {
            Ok(inner) => inner,
            Err(contended) => return self.free_later(contended, address, claim, report),
        };
        // SAFETY: handed on to the caller.
        if unsafe { inner.free_quickly(address, claim, &self.platform) } {
            return;
        }
        match inner.free_way {
            Way::Record => self.free_recorded(inner.suspend(), address, claim, report),
            Way::RecordStack => self.free_with_callers(inner.suspend(), address, claim, report),
            Way::RecordEvent => self.free_with_event(inner.suspend(), address, claim, report),
            _ => self.free_fully(inner.suspend(), address, claim, report),
        }
    }

    /// Gives the block a new size, in place or by a move; its contents stay up to the smaller size.
    /// `Ok(None)` when there is no memory: the block is as before then.
    ///
    /// # Errors
    ///
    /// [`BadFree`] when no live block starts at `block`.
    ///
    /// # Safety
    ///
    /// If a live block starts at `block`, it is the caller's, and is not used after a move.
    pub unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        // SAFETY: handed on to the caller.
        unsafe { self.reallocate_claimed(block, PointerOnly, new_size_bytes) }
    }

    /// As [`Tracked::reallocate`], for a block that was allocated with `layout`: so its alignment is kept
    /// even if it is not recorded.
    ///
    /// # Errors
    ///
    /// As for [`Tracked::reallocate`], and when the block was allocated with another layout.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    pub unsafe fn reallocate_with_layout(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        // SAFETY: handed on to the caller.
        unsafe { self.reallocate_claimed(block, layout, new_size_bytes) }
    }

    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    unsafe fn reallocate_claimed(
        &self,
        block: NonNull<u8>,
        claim: impl Claim,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        let caller = self.caller();
        let old_layout = {
            let Some(mut inner) = self.enter_if_ever_free() else {
                self.refuse(
                    &LockRefused::Reallocate { address: block.as_ptr() as usize, new_size_bytes },
                    &caller,
                );
                return Ok(None);
            };
            let layout = inner.layout_of(block, claim, &caller)?;
            let is_resized = inner.resize_in_place(block, layout, new_size_bytes, &caller);
            let has_findings = !inner.guards.findings.is_empty();
            drop(inner);
            if has_findings {
                self.tell_findings();
            }
            if is_resized {
                return Ok(Some(block));
            }
            layout
        };
        let Ok(new_layout) = Layout::from_size_align(new_size_bytes, old_layout.align()) else {
            self.enter().fail(new_size_bytes, &caller);
            return Ok(None);
        };
        let Some(moved) = self.allocate(new_layout) else { return Ok(None) };
        // SAFETY: both blocks are live, different, and at least that long; the caller owns the old one.
        let freed = unsafe {
            copy_nonoverlapping(block.as_ptr(), moved.as_ptr(), old_layout.size().min(new_size_bytes));
            self.free_with_layout(block, old_layout)
        };
        if let Err(bad) = freed {
            // Somebody else has freed the old block meanwhile.
            // SAFETY: allocated just now, and nobody knows it.
            unsafe { self.free_with_layout(moved, new_layout) }?;
            return Err(bad);
        }
        let mut inner = self.enter();
        inner.note_move_from(block.as_ptr() as usize, &caller);
        inner.count_reallocation(&self.platform);
        drop(inner);
        Ok(Some(moved))
    }

    /// Bytes that the live block at `block` may use, rounding by the backend included.
    ///
    /// # Errors
    ///
    /// [`BadFree`] when no live block starts there; that is not counted.
    pub fn usable_size_bytes(&self, block: NonNull<u8>) -> Result<usize, BadFree> {
        let inner = self.enter();
        let address = block.as_ptr() as usize;
        let layout = match inner.live.get(address) {
            // All behind the size that was asked for is guards.
            Some(record) if record.guarding() != Guarding::None => return Ok(record.size_bytes()),
            Some(record) => Some(record.layout()),
            None => inner.unrecorded_layout(address),
        };
        let usable = layout.zip(inner.backend.as_ref()).map(|(layout, heap)| heap.usable_size_bytes(layout));
        usable.ok_or_else(|| inner.bad_free(address))
    }

    /// The surroundings that were handed to [`Tracked::new`].
    pub fn platform(&self) -> &P {
        &self.platform
    }

    #[expect(clippy::inline_always, reason = "the frame pointer must be that of the allocating function")]
    #[inline(always)]
    fn caller(&self) -> Caller<'_, P> {
        Caller { frame_pointer: self.platform.frame_pointer(), platform: &self.platform }
    }

    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    fn enter(&self) -> Guard<'_, Inner<B>, P> {
        self.inner.enter(&self.platform)
    }
}

// SAFETY: blocks come from a `Backend`, whose contract covers GlobalAlloc's; a bad free is refused.
unsafe impl<B: Backend + Send, P: Platform> GlobalAlloc for Tracked<B, P> {
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: GlobalAlloc's contract; a backend that must not ask for nothing need not look.
        unsafe { assert_unchecked(layout.size() != 0) };
        self.allocate(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: GlobalAlloc's contract.
        unsafe { assert_unchecked(!block.is_null() && layout.size() != 0) };
        // SAFETY: the caller gives the block up. A bad free is counted and has no way to be returned.
        unsafe { self.free_with_layout_or(block, layout, |_| {}) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = self.allocate(layout).map_or(null_mut(), NonNull::as_ptr);
        if !block.is_null() {
            // SAFETY: a fresh block of at least that size.
            unsafe { write_bytes(block, 0, layout.size()) };
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(block) = NonNull::new(block) else { return null_mut() };
        // SAFETY: the caller owns the block and gives it up if it moves.
        let moved = unsafe { self.reallocate_with_layout(block, layout, new_size) };
        moved.ok().flatten().map_or(null_mut(), NonNull::as_ptr)
    }
}

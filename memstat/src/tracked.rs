//! An allocator with a tracker around it.

use core::alloc::{GlobalAlloc, Layout};
use core::hint::assert_unchecked;
use core::ptr::{NonNull, null_mut};

use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::counters::Counters;
use crate::level::Level;
use crate::lock::{Guard, Lock};
use crate::platform::Platform;
use crate::record::Guarding;
use crate::refused::RefusedTallies;

mod allocate;
mod consistency;
mod free;
mod inner;
mod lanes;
mod reallocate;
mod reclaiming;
mod refusing;
mod snapshot;
mod views;

pub use consistency::Consistency;
pub use snapshot::CrashSnapshot;
pub use views::{
    BlocksView, Busy, GuardCheck, GuardsView, HistoryView, LeaksView, Reference, ReferencesView, StacksView,
    StatisticsView,
};

use inner::{Caller, Inner};

/// A backend whose every block is accounted for.
///
/// One lock, taken with interrupts masked, protects backend and tracker, so their figures change together. Nothing is
/// logged or formatted under it, so interrupt handlers may allocate and free.
#[derive(Debug)]
pub struct Tracked<B: Backend, P> {
    inner: Lock<Inner<B>, P>,
    /// Outside the lock, as it counts operations that could not take it.
    refused: RefusedTallies,
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// A tracker without a backend: every allocation fails until [`Tracked::start`].
    pub const fn new(platform: P) -> Self {
        Self { inner: Lock::new(platform, Inner::new()), refused: RefusedTallies::new() }
    }

    /// A tracker that allocates from `backend` from the start, as a program's global allocator must. Its own memory comes
    /// from [`Platform::take_page`]. No block of the backend may be live yet.
    ///
    /// A static tracker has no initial contents, and so lies in `.bss`, if the level is `blocks` and the backend is
    /// [usually made so](Backend::IS_STATIC). Other levels are better set when the program starts.
    pub const fn over(platform: P, backend: B, level: Level) -> Self {
        let inner = Lock::new(platform, Inner::with_backend(backend, level));
        Self { inner, refused: RefusedTallies::new() }
    }

    /// Gives the arena its first memory. To be called before [`Tracked::start`]; a second call is ignored.
    ///
    /// # Safety
    ///
    /// `[start, start + size_bytes)` is writable, aligned to pages, and belongs to the tracker for ever.
    pub unsafe fn add_first_pages(&self, start: NonNull<u8>, size_bytes: usize) {
        // SAFETY: upheld by the caller.
        unsafe { self.enter().arena.add_first_pages(start, size_bytes) };
    }

    /// Sets the maximum size of the arena, rounded down to pages. What it uses already stays.
    pub fn set_arena_limit_bytes(&self, limit_bytes: usize) {
        self.enter().arena.set_limit_bytes(limit_bytes);
    }

    /// Sets the backend. A second call is ignored, as blocks of the first backend may be live.
    pub fn start(&self, backend: B) {
        let mut inner = self.enter();
        inner.start(backend);
    }

    /// Sets how much is recorded from now on. Live blocks stay in the live map until they are freed, whatever the level is
    /// then; so a switch leaves no stale records, and no count goes below zero.
    pub fn set_level(&self, level: Level) {
        // The clock is read inside the critical section: an earlier stamp would claim too long a time.
        let change = |inner: &mut Inner<B>| inner.set_level(level, self.platform().stamp());
        if level < Level::Blocks {
            self.change_without_quarantine(change);
        } else {
            change(&mut self.enter());
        }
    }

    /// Fault injection: sets whether [`Hooks::should_fail`](crate::Hooks::should_fail) is called before each allocation.
    /// While it is, no allocation takes a fast path.
    pub fn set_fault_injection(&self, is_on: bool) {
        self.enter().set_fault_injection(is_on);
    }

    /// How much is recorded.
    pub fn level(&self) -> Level {
        self.enter().level
    }

    /// A consistent snapshot of the counters.
    pub fn counters(&self) -> Counters {
        self.enter().counters()
    }

    /// Calls `look` with the backend, under the lock: it must neither allocate nor log. `None` before [`Tracked::start`].
    pub fn with_backend<R>(&self, look: impl FnOnce(&B) -> R) -> Option<R> {
        self.enter().backend.as_ref().map(look)
    }

    /// Changes something of the backend, under the lock, such as to give it more memory: `change` must neither allocate
    /// nor log, and leaves all live blocks as they are.
    pub fn with_backend_mut<R>(&self, change: impl FnOnce(&mut B) -> R) -> Option<R> {
        self.enter().backend.as_mut().map(change)
    }

    /// Bytes that the live block at `block` may use, rounding by the backend included.
    ///
    /// # Errors
    ///
    /// [`BadFree`] when no live block starts there. It is not counted as a bad free.
    pub fn usable_size_bytes(&self, block: NonNull<u8>) -> Result<usize, BadFree> {
        let inner = self.enter();
        let address = block.as_ptr() as usize;
        let layout = match inner.live.get(address) {
            // Everything past the requested size belongs to the guards.
            Some(record) if record.guarding() != Guarding::None => return Ok(record.size_bytes()),
            Some(record) => Some(record.layout()),
            None => inner.unrecorded_layout(address),
        };
        let usable = layout.zip(inner.backend.as_ref()).map(|(layout, heap)| heap.usable_size_bytes(layout));
        usable.ok_or_else(|| inner.bad_free::<P>(address))
    }

    /// The platform that was handed to [`Tracked::new`] or [`Tracked::over`].
    #[inline]
    pub fn platform(&self) -> &P {
        self.inner.platform()
    }

    #[expect(clippy::inline_always, reason = "the frame pointer must be that of the allocating function")]
    #[inline(always)]
    fn caller(&self) -> Caller<'_, P> {
        Caller { frame_pointer: self.platform().frame_pointer(), platform: self.platform() }
    }

    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    fn enter(&self) -> Guard<'_, Inner<B>, P> {
        self.ready(self.inner.enter())
    }

    /// Makes the tracker ready when it is entered for the first time.
    #[inline]
    fn ready<'a>(&'a self, inner: Guard<'a, Inner<B>, P>) -> Guard<'a, Inner<B>, P> {
        if inner.is_ready() { inner } else { self.start_use(inner) }
    }

    #[cold]
    #[inline(never)]
    fn start_use<'a>(&'a self, mut inner: Guard<'a, Inner<B>, P>) -> Guard<'a, Inner<B>, P> {
        inner.prepare(P::LANES > 1);
        self.inner.set_owner();
        drop(inner);
        self.platform().on_first_use(self);
        self.inner.enter()
    }

    /// For [`FirstUse::hold`](crate::platform::FirstUse::hold).
    pub(crate) fn hold_lock(&self) {
        core::mem::forget(self.enter());
    }

    /// For [`FirstUse::release`](crate::platform::FirstUse::release).
    ///
    /// # Safety
    ///
    /// As there.
    pub(crate) unsafe fn release_lock(&self) {
        // SAFETY: upheld by the caller.
        unsafe { self.inner.release() };
    }
}

// SAFETY: blocks come from a `Backend`, whose contract covers GlobalAlloc's; a bad free is refused.
unsafe impl<B: Backend + Send, P: Platform> GlobalAlloc for Tracked<B, P> {
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: GlobalAlloc's contract. So the backend's test for an empty layout can be left out.
        unsafe { assert_unchecked(layout.size() != 0) };
        self.allocate(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: GlobalAlloc's contract.
        unsafe { assert_unchecked(!block.is_null() && layout.size() != 0) };
        // SAFETY: the caller gives the block up. A bad free is counted, but cannot be returned.
        unsafe { self.free_with_layout_or(block, layout, |_, _| {}) };
    }

    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.allocate_zeroed(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: GlobalAlloc's contract.
        unsafe { assert_unchecked(!block.is_null() && new_size != 0) };
        // SAFETY: GlobalAlloc's contract.
        unsafe { assert_unchecked(Layout::from_size_align(new_size, layout.align()).is_ok()) };
        let Some(block) = NonNull::new(block) else { return null_mut() };
        // SAFETY: the caller owns the block and gives it up if it moves. A refusal is counted, but cannot be returned.
        let moved = unsafe { self.reallocate_with_layout_or(block, layout, new_size, |_, _| {}) };
        moved.map_or(null_mut(), NonNull::as_ptr)
    }
}

//! For programs on Linux: [`Host`], a global allocator that accounts for every block of the program.
//!
//! Two lines are enough; the rest comes from the environment ([`settings`]). `platform` is what the tracker needs of a
//! program (pages, threads' stacks, a lane for each thread, a clock), `report` the report at exit and on a signal, `symbols` the names of the
//! program's functions, `fork` what a fork needs, `mistakes` tells what the program does wrong.

use core::alloc::{GlobalAlloc, Layout};
use core::hint::assert_unchecked;
use core::ops::Deref;
use core::ptr::{NonNull, null_mut};
use std::alloc::System;

use crate::adapters::Over;
use crate::level::Level;
use crate::tracked::Tracked;

mod fork;
mod gate;
mod mistakes;
mod pages;
mod platform;
mod report;
mod settings;
mod stack;
mod symbols;
mod thread_number;

pub use platform::HostPlatform;

/// An allocator that accounts for every block that is allocated by it.
///
/// ```
/// #[global_allocator]
/// static HEAP: memstat::Host = memstat::Host::new();
/// ```
///
/// How much is recorded is read from the environment at the first allocation:
///
/// ```text
/// MEMSTAT=stacks,history=65536,report=memory.txt program
/// ```
///
/// A word is a level (`off`, which is the default, `counters`, `blocks`, `stacks`, `full`), or one of these:
/// `guard=LEVEL` for heap checks (`off`, `free`, `redzone`, `full`), `history=EVENTS` for the length of the history, and
/// `report=FILE` for a report when the program exits, and each time that it gets SIGUSR1; `report` alone writes it to the
/// standard error. If the name ends with `.dump`, the report is a [dump](crate::report::dump()), for `memstat-report`.
/// Without `report` no signal and no exit is touched.
///
/// A free that is refused, and a write outside of a block that the heap checks find, are told on the standard error, with
/// the call stacks that are known.
///
/// The program can do the same itself: a `Host` has all methods of [`Tracked`]. Its stacks are whole if it is compiled
/// with `-Cforce-frame-pointers=yes`.
#[derive(Debug)]
pub struct Host<A: GlobalAlloc + Sync = System>(Tracked<Over<A>, HostPlatform>);

impl Host {
    /// Over the system's allocator.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "one that is not a static is of no use")]
    pub const fn new() -> Self {
        Self::over(System)
    }
}

impl<A: GlobalAlloc + Sync> Host<A> {
    /// Over another allocator.
    pub const fn over(allocator: A) -> Self {
        Self(Tracked::over(HostPlatform, Over(allocator), Level::Blocks))
    }
}

impl<A: GlobalAlloc + Sync> Deref for Host<A> {
    type Target = Tracked<Over<A>, HostPlatform>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<A: GlobalAlloc + Sync> Drop for Host<A> {
    fn drop(&mut self) {
        report::forget((&raw const self.0).cast());
        fork::forget((&raw const self.0).cast());
    }
}

// SAFETY: the tracker keeps the contract.
unsafe impl<A: GlobalAlloc + Send + Sync> GlobalAlloc for Host<A> {
    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: upheld by the caller.
        unsafe { self.0.alloc(layout) }
    }

    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: GlobalAlloc's contract.
        unsafe { assert_unchecked(!block.is_null() && layout.size() != 0) };
        // SAFETY: upheld by the caller.
        unsafe {
            self.0.free_with_layout_or(block, layout, |bad, frame_pointer| {
                mistakes::tell_bad_free(&self.0, &bad, frame_pointer);
            });
        }
    }

    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: upheld by the caller.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[expect(clippy::inline_always, reason = "the frame must be the caller's")]
    #[inline(always)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: GlobalAlloc's contract.
        unsafe {
            assert_unchecked(!block.is_null() && layout.size() != 0 && new_size != 0);
            assert_unchecked(Layout::from_size_align(new_size, layout.align()).is_ok());
        }
        let Some(block) = NonNull::new(block) else { return null_mut() };
        // SAFETY: upheld by the caller.
        let moved = unsafe {
            self.0.reallocate_with_layout_or(block, layout, new_size, |bad, frame_pointer| {
                mistakes::tell_bad_free(&self.0, &bad, frame_pointer);
            })
        };
        moved.map_or(null_mut(), NonNull::as_ptr)
    }
}

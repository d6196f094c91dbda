//! Memory for the arena in a static of the program's.

use core::cell::UnsafeCell;
use core::ptr::NonNull;

use portable_atomic::{AtomicBool, Ordering};

use crate::backend::Backend;
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::tracked::Tracked;

/// `N` pages in `.bss`, for [`Tracked::add_pages`]. A live block takes about 50 bytes of the arena, and a call stack 256.
#[derive(Debug)]
#[repr(C, align(4096))]
pub struct Pages<const N: usize> {
    bytes: UnsafeCell<[[u8; PAGE_SIZE_BYTES]; N]>,
    is_taken: AtomicBool,
}

// SAFETY: whoever takes the bytes first is their only user.
unsafe impl<const N: usize> Sync for Pages<N> {}

impl<const N: usize> Pages<N> {
    /// Pages that nobody has taken.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "one that is not a static is of no use")]
    pub const fn new() -> Self {
        Self { bytes: UnsafeCell::new([[0; PAGE_SIZE_BYTES]; N]), is_taken: AtomicBool::new(false) }
    }

    /// The pages, the first time.
    fn take(&'static self) -> Option<NonNull<u8>> {
        if self.is_taken.swap(true, Ordering::AcqRel) { None } else { NonNull::new(self.bytes.get().cast()) }
    }
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Gives the arena its first memory, as [`Tracked::add_first_pages`] does. Pages that were given before are ignored.
    pub fn add_pages<const N: usize>(&self, pages: &'static Pages<N>) {
        if let Some(start) = pages.take() {
            // SAFETY: page aligned, there for ever, and taken by nobody else.
            unsafe { self.add_first_pages(start, N * PAGE_SIZE_BYTES) };
        }
    }
}

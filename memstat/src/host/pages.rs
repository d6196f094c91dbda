//! Pages for the tracker's arena, from the operating system: cut from larger pieces, and kept in a list when they come
//! back.

use core::ptr::{NonNull, null_mut};

use super::gate::Gate;
use crate::platform::PAGE_SIZE_BYTES;

/// Bytes that are asked for at once.
const PIECE_BYTES: usize = 1 << 20;

pub(super) struct Pages {
    /// Pages that came back, linked through their first words.
    free: *mut Page,
    /// What is left of the last piece.
    next: *mut u8,
    left_bytes: usize,
}

struct Page {
    next: *mut Page,
}

// SAFETY: the pages belong to the list alone.
unsafe impl Send for Pages {}

pub(super) static PAGES: Gate<Pages> = Gate::new(Pages { free: null_mut(), next: null_mut(), left_bytes: 0 });

/// A page that nobody uses.
pub(super) fn take() -> Option<NonNull<u8>> {
    PAGES.with(Pages::take)
}

impl Pages {
    fn take(&mut self) -> Option<NonNull<u8>> {
        if let Some(page) = NonNull::new(self.free) {
            // SAFETY: a page on the list was written by `give`.
            self.free = unsafe { page.as_ref() }.next;
            return Some(page.cast());
        }
        if self.left_bytes == 0 {
            let (access, kind) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            // SAFETY: new memory, at no address that anybody uses.
            let piece = unsafe { libc::mmap(null_mut(), PIECE_BYTES, access, kind, -1, 0) };
            if piece == libc::MAP_FAILED {
                return None;
            }
            (self.next, self.left_bytes) = (piece.cast(), PIECE_BYTES);
        }
        let page = NonNull::new(self.next);
        self.next = self.next.wrapping_add(PAGE_SIZE_BYTES);
        self.left_bytes -= PAGE_SIZE_BYTES;
        page
    }
}

/// Takes a page back.
///
/// # Safety
///
/// It came from [`take`], and nobody uses it.
pub(super) unsafe fn give(page: NonNull<u8>) {
    let page = page.cast::<Page>().as_ptr();
    PAGES.with(|pages| {
        // SAFETY: a page that nobody uses.
        unsafe { page.write(Page { next: pages.free }) };
        pages.free = page;
    });
}

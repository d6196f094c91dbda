//! The source of a heap's pages: all that a heap needs from its host.

use core::ptr::NonNull;

use crate::PAGE_BYTES;
use crate::pages::pieces;

/// A source of pages.
///
/// # Safety
///
/// `take` returns 2^order pages, aligned to their size, that nobody else uses until `give`. They may be given back in
/// parts.
pub unsafe trait PageSource: Send {
    /// Allocates 2^`order` pages; `None` if there are none.
    fn take(&mut self, order: u32) -> Option<NonNull<u8>>;

    /// Frees 2^`order` pages.
    ///
    /// # Safety
    ///
    /// `pages` came from `take` with this order, or are an aligned part of such pages, and nobody uses them any more. When a
    /// part of an allocation is given back for the first time, nobody uses the rest of it at that moment either.
    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32);

    /// Allocates `pages` pages, aligned to 2^`order` pages, which are as many or more; `None` if there are none.
    fn take_run(&mut self, pages: usize, order: u32) -> Option<NonNull<u8>> {
        let start = self.take(order)?;
        // SAFETY: the pages after the run's end; nobody uses any of them yet.
        unsafe { give_pieces(self, start, pages..1 << order) };
        Some(start)
    }

    /// Frees a run from [`PageSource::take_run`], of as many pages.
    ///
    /// # Safety
    ///
    /// It came from there, and nobody uses it any more.
    unsafe fn give_run(&mut self, start: NonNull<u8>, pages: usize) {
        // SAFETY: upheld by the caller; the pages after the run's end are back already.
        unsafe { give_pieces(self, start, 0..pages) };
    }
}

/// Gives back the pages number `span` of an allocation that starts at `start`, in the largest aligned powers of two.
///
/// # Safety
///
/// They are allocated, and nobody uses them. When a part of an allocation is given back for the first time, nobody uses
/// the rest of it at that moment either.
unsafe fn give_pieces<S: PageSource + ?Sized>(
    source: &mut S,
    start: NonNull<u8>,
    span: core::ops::Range<usize>,
) {
    for (number, order) in pieces(span) {
        // SAFETY: inside the allocation; the rest is upheld by the caller.
        unsafe { source.give(start.add(number * PAGE_BYTES), order) };
    }
}

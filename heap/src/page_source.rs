//! The source of a heap's pages: all that a heap needs from its host.

use core::ptr::NonNull;

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
}

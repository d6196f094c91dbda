//! Where a heap's pages come from: the one thing that a heap asks of its surroundings.

use core::ptr::NonNull;

/// A source of pages.
///
/// # Safety
///
/// `take` hands out 2^order pages, aligned to their size, that are nobody else's until `give`. They may be given back
/// in parts.
pub unsafe trait PageSource: Send {
    /// Takes 2^`order` pages.
    fn take(&mut self, order: u32) -> Option<NonNull<u8>>;

    /// Gives 2^`order` pages back.
    ///
    /// # Safety
    ///
    /// `pages` came from `take` with this order, or are an aligned part of what did, and nobody uses them any more.
    /// When a part of what was taken at once is given back for the first time, nobody uses the rest either.
    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32);
}

//! Heaps: the backends that the command line chooses from with `heap=`, one file each.

mod descriptors;
mod page_map;
mod slab;

#[cfg(any(test, target_os = "none"))]
pub(crate) use page_map::PageMap;
#[cfg(target_os = "none")]
pub(crate) use slab::Class;
#[cfg(any(test, target_os = "none"))]
pub(crate) use slab::Slab;

use core::ptr::NonNull;

/// Where a heap's pages come from.
///
/// # Safety
///
/// `take` hands out 2^order pages, aligned to their size, that are nobody else's until `give`.
pub(crate) unsafe trait PageSource: Send {
    /// Takes 2^`order` pages.
    fn take(&mut self, order: u32) -> Option<NonNull<u8>>;

    /// Gives 2^`order` pages back.
    ///
    /// # Safety
    ///
    /// `pages` came from `take` with this order, and nobody uses them any more.
    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32);
}

#[cfg(test)]
mod tests;

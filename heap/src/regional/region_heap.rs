//! What a crate's allocator must do to serve a region.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::region::GRANULE_BYTES;

/// An allocator for blocks of one piece of memory.
///
/// # Safety
///
/// Blocks lie inside the memory that was added, overlap no other, are aligned as asked, and stay until they
/// are given back.
pub(crate) unsafe trait RegionHeap: Sized + 'static {
    /// The allocator without memory.
    const EMPTY: Self;

    /// Bytes that fresh memory has at least for one block, its alignment included.
    fn capacity_bytes(memory_bytes: usize) -> usize;

    /// Adds the memory, once. The allocator does not move from then on.
    ///
    /// # Safety
    ///
    /// The memory is writable and the allocator's own, and aligned to 16.
    unsafe fn add_memory(&mut self, start: *mut u8, size_bytes: usize);

    /// What a request for this layout takes: a multiple of 16 bytes, at least so much, not zero.
    fn rounded_bytes(layout: Layout) -> Option<usize> {
        layout.size().max(1).checked_next_multiple_of(GRANULE_BYTES)
    }

    /// A block of a layout with a rounded size, aligned to 16 at least.
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>>;

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// The block is live. The layout has its size; its alignment is 16 if that was asked for, and some larger
    /// one if a larger one was.
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout);
}

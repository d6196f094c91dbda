//! The trait of an allocator that serves a region.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::region::GRANULE_BYTES;

/// An allocator over one range of memory.
///
/// # Safety
///
/// Blocks lie inside the memory that was added, overlap no other, are aligned as asked, and stay until they
/// are given back.
pub(crate) unsafe trait RegionHeap: Sized + 'static {
    /// The allocator without memory.
    const EMPTY: Self;

    /// The size of a block that `memory_bytes` of fresh memory can surely serve, in bytes, its alignment included.
    fn capacity_bytes(memory_bytes: usize) -> usize;

    /// Adds the memory, once. The allocator does not move from then on.
    ///
    /// # Safety
    ///
    /// The memory is writable, aligned to 16, and belongs to the allocator.
    unsafe fn add_memory(&mut self, start: *mut u8, size_bytes: usize);

    /// Bytes that a block of this layout takes: a multiple of 16, not 0, and at least the layout's size. `None` if that is
    /// too large.
    fn rounded_bytes(layout: Layout) -> Option<usize> {
        layout.size().max(1).checked_next_multiple_of(GRANULE_BYTES)
    }

    /// Allocates a block. The layout's size is rounded, and its alignment is at least 16.
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>>;

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// The block is live. The layout has its size; its alignment is 16 if the block was allocated with that, and otherwise
    /// any larger one.
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout);
}

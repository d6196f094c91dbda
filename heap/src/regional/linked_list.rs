//! `heap=linked-list`: the crate `linked_list_allocator`, first fit over one list of holes. Every operation walks the list,
//! so it is for comparison and for learning; regions bound its length.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use linked_list_allocator::Heap;

use super::region_heap::RegionHeap;

/// The allocator of one region.
pub(crate) struct LinkedList(Heap);

impl fmt::Debug for LinkedList {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LinkedList({} of {} bytes used)", self.0.used(), self.0.size())
    }
}

// SAFETY: the crate hands out parts of the holes in the memory that it was given, each once.
unsafe impl RegionHeap for LinkedList {
    const EMPTY: Self = Self(Heap::empty());

    fn capacity_bytes(memory_bytes: usize) -> usize {
        memory_bytes.saturating_sub(64)
    }

    unsafe fn add_memory(&mut self, start: *mut u8, size_bytes: usize) {
        // SAFETY: upheld by the caller.
        unsafe { self.0.init(start, size_bytes) };
    }

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.allocate_first_fit(layout).ok()
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: upheld by the caller. The crate uses only the size.
        unsafe { self.0.deallocate(block, layout) };
    }
}

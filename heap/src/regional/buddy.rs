//! `heap=buddy`: the crate `buddy_system_allocator` alone, in regions that bound the free lists it walks.

use core::alloc::Layout;
use core::ptr::NonNull;

use buddy_system_allocator::Heap;

use super::region::GRANULE_BYTES;
use super::region_heap::RegionHeap;

/// Number of free lists: for blocks of up to 2^20 bytes, the size of the largest region.
const LISTS: usize = 21;

/// The allocator of one region.
#[derive(Debug)]
pub(crate) struct Buddy(Heap<LISTS>);

// SAFETY: the crate hands out blocks of the memory that was added, each once.
unsafe impl RegionHeap for Buddy {
    const EMPTY: Self = Self(Heap::empty());

    fn capacity_bytes(memory_bytes: usize) -> usize {
        // The memory is not aligned to its size: half of it is surely in one block.
        memory_bytes.checked_ilog2().map_or(0, |log2| 1 << log2)
    }

    unsafe fn add_memory(&mut self, start: *mut u8, size_bytes: usize) {
        // SAFETY: upheld by the caller.
        unsafe { self.0.add_to_heap(start as usize, start as usize + size_bytes) };
    }

    fn rounded_bytes(layout: Layout) -> Option<usize> {
        layout.size().max(layout.align()).max(GRANULE_BYTES).checked_next_power_of_two()
    }

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.alloc(layout).ok()
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: upheld by the caller. The size is rounded to be no smaller than any alignment, so it alone
        // decides.
        unsafe { self.0.dealloc(block, layout) };
    }
}

//! `heap=talc`: the crate `talc`, first fit over free lists by size, with boundary tags.

use core::alloc::Layout;
use core::ptr::NonNull;

use talc::DefaultBinning;
use talc::base::Talc as Allocator;
use talc::source::Manual;

use super::region_heap::RegionHeap;

/// Bytes of a region that the allocator needs for its free lists and tags.
const HEAD_BYTES: usize = talc::min_first_heap_size::<DefaultBinning>() + 64;

/// The allocator of one region.
#[derive(Debug)]
pub(crate) struct Talc(Allocator<Manual, DefaultBinning>);

// SAFETY: the crate hands out chunks of the memory that was claimed, each once.
unsafe impl RegionHeap for Talc {
    const EMPTY: Self = Self(Allocator::new(Manual));

    fn capacity_bytes(memory_bytes: usize) -> usize {
        memory_bytes.saturating_sub(HEAD_BYTES)
    }

    unsafe fn add_memory(&mut self, start: *mut u8, size_bytes: usize) {
        // SAFETY: upheld by the caller. Memory that is too small for the head is not claimed, and serves no block.
        let _ = unsafe { self.0.claim(start, size_bytes) };
    }

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: rounded sizes are not zero.
        unsafe { self.0.allocate(layout) }
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: upheld by the caller. The crate uses only the size.
        unsafe { self.0.deallocate(block.as_ptr(), layout) };
    }
}

//! `heap=tlsf`: the crate `rlsf`, two-level segregated fit, in constant time.
//!
//! Source: Masmano, Ripoll, Crespo, Real, TLSF: a new dynamic memory allocator for real-time systems (2004).

use core::alloc::Layout;
use core::ptr::NonNull;

use rlsf::Tlsf as Allocator;

use super::region_heap::RegionHeap;

/// The allocator of one region: sizes up to 2 MiB, in sixteenths of a power of two.
#[derive(Debug)]
pub(crate) struct Tlsf(Allocator<'static, u16, u16, 16, 16>);

// SAFETY: the crate hands out blocks of the pool that was inserted, each once.
unsafe impl RegionHeap for Tlsf {
    const EMPTY: Self = Self(Allocator::new());

    fn capacity_bytes(memory_bytes: usize) -> usize {
        // A search rounds up to the next sixteenth.
        memory_bytes - memory_bytes / 8
    }

    unsafe fn add_memory(&mut self, start: *mut u8, size_bytes: usize) {
        let Some(start) = NonNull::new(start) else { return };
        // SAFETY: upheld by the caller.
        unsafe { self.0.insert_free_block_ptr(NonNull::slice_from_raw_parts(start, size_bytes)) };
    }

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: upheld by the caller. The crate only tests whether the alignment is below 32.
        unsafe { self.0.deallocate(block, layout.align()) };
    }
}

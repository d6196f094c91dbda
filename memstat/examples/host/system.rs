//! The system's allocator as a backend.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;

use memstat::{Backend, SharedBackend};

/// The system's allocator. It does not report which blocks are allocated.
#[derive(Debug)]
pub(crate) struct SystemBackend;

/// The system's allocator takes no size of zero.
#[inline]
fn served(layout: Layout) -> Layout {
    // SAFETY: 1 byte is valid with every alignment.
    unsafe { Layout::from_size_align_unchecked(layout.size().max(1), layout.align()) }
}

// SAFETY: the system's allocator keeps this contract.
unsafe impl Backend for SystemBackend {
    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { System.alloc(served(layout)) })?;
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    fn shared(&self) -> Option<&dyn SharedBackend> {
        Some(self)
    }

    fn has_fast_path(&self) -> bool {
        true
    }

    #[inline]
    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.allocate(layout)
    }

    #[inline]
    unsafe fn deallocate_fast(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        let (block, layout) = NonNull::new(address as *mut u8).zip(claimed)?;
        // SAFETY: the caller gives the block up, and has its layout.
        Some(unsafe { self.deallocate(block, layout) })
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: handed on to the caller.
        unsafe { System.dealloc(block.as_ptr(), served(layout)) };
        layout.size()
    }
}

// SAFETY: the system's allocator serves all threads at once.
unsafe impl SharedBackend for SystemBackend {
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { System.alloc(served(layout)) })?;
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: handed on to the caller.
        unsafe { System.dealloc(block.as_ptr(), served(layout)) };
        layout.size()
    }

    #[inline]
    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
    ) -> Option<NonNull<[u8]>> {
        // SAFETY: handed on to the caller; the size is not zero.
        let own = unsafe { System.realloc(block.as_ptr(), served(old), new_size_bytes.max(1)) };
        Some(NonNull::slice_from_raw_parts(NonNull::new(own)?, new_size_bytes))
    }
}

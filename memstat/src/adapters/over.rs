//! Any allocator that has the interface of `GlobalAlloc`, as a backend.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use crate::backend::{Backend, SharedBackend};

/// An allocator with the interface of `GlobalAlloc`: the system's, one of a crate with a lock of its own, or a program's.
///
/// Of its blocks nothing is known but their layouts, so each counts as large as it was asked for, and a free of a block
/// without a record is believed. Zeroed memory and reallocations are the allocator's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Over<A>(pub A);

impl<A> Over<A> {
    /// A backend of `allocator`.
    pub const fn new(allocator: A) -> Self {
        Self(allocator)
    }

    /// The allocator, for what it can do beside: to take more memory, or to report on itself.
    pub const fn allocator(&self) -> &A {
        &self.0
    }
}

/// `GlobalAlloc` takes no size of zero.
#[inline]
fn served(layout: Layout) -> Layout {
    // SAFETY: 1 byte is valid with every alignment.
    unsafe { Layout::from_size_align_unchecked(layout.size().max(1), layout.align()) }
}

#[inline]
fn block(start: *mut u8, layout: Layout) -> Option<NonNull<[u8]>> {
    Some(NonNull::slice_from_raw_parts(NonNull::new(start)?, layout.size()))
}

// SAFETY: `GlobalAlloc` has the same contract.
unsafe impl<A: GlobalAlloc + Sync> Backend for Over<A> {
    const IS_STATIC: bool = true;
    const HAS_ZEROED: bool = true;
    const HAS_RESIZE: bool = true;

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc(served(layout)) }, layout)
    }

    #[inline]
    fn allocate_zeroed(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc_zeroed(served(layout)) }, layout)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: upheld by the caller.
        unsafe { self.0.dealloc(block.as_ptr(), served(layout)) };
        layout.size()
    }

    #[inline]
    unsafe fn taken_size_bytes_fast(&self, layout: Layout) -> Option<usize> {
        Some(layout.size())
    }

    #[inline]
    fn shared(&self) -> Option<&dyn SharedBackend> {
        Some(self)
    }

    #[inline]
    unsafe fn grow(&mut self, start: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: upheld by the caller; the size is not zero.
        block(unsafe { self.0.realloc(start.as_ptr(), served(old), served(new).size()) }, new)
    }

    #[inline]
    unsafe fn shrink(&mut self, start: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: upheld by the caller.
        unsafe { self.grow(start, old, new) }
    }
}

// SAFETY: `GlobalAlloc` serves all threads at once.
unsafe impl<A: GlobalAlloc + Sync> SharedBackend for Over<A> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc(served(layout)) }, layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: upheld by the caller.
        unsafe { self.0.dealloc(block.as_ptr(), served(layout)) };
        layout.size()
    }

    #[inline]
    unsafe fn reallocate(
        &self,
        start: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
    ) -> Option<NonNull<[u8]>> {
        let new = Layout::from_size_align(new_size_bytes, old.align()).ok()?;
        // SAFETY: upheld by the caller; the size is not zero.
        block(unsafe { self.0.realloc(start.as_ptr(), served(old), served(new).size()) }, new)
    }
}

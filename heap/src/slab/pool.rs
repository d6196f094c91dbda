//! The slabs' descriptors, 63 to a page, apart from the blocks so that no overrun reaches them.

use core::ptr::{NonNull, null_mut};

use super::class::{ClassUse, SizeClass};
use super::descriptor::SlabDescriptor;
use crate::PAGE_BYTES;
use crate::PageSource;

const DESCRIPTOR_BYTES: usize = 64;
const PER_PAGE: u32 = (PAGE_BYTES / DESCRIPTOR_BYTES) as u32 - 1;
const ALL_FREE: u64 = (1 << PER_PAGE) - 1;

const _: () = assert!(size_of::<SlabDescriptor>() <= DESCRIPTOR_BYTES);

/// The head of a page of descriptors.
struct Page {
    next: *mut Page,
    previous: *mut Page,
    /// Bit i is set while descriptor i is free.
    free: u64,
}

/// Descriptors, and their pages.
#[derive(Debug)]
pub(super) struct Pool {
    /// Pages with a free descriptor.
    partial: *mut Page,
    pages: usize,
}

// SAFETY: the pages belong to this pool alone.
unsafe impl Send for Pool {}

impl Pool {
    pub(super) const fn new() -> Self {
        Self { partial: null_mut(), pages: 0 }
    }

    /// Pages that the pool holds.
    pub(super) fn page_count(&self) -> usize {
        self.pages
    }

    /// The pool as a size class with `live` blocks in use.
    pub(super) fn class(&self, live: usize) -> SizeClass {
        SizeClass {
            used_for: ClassUse::Descriptors,
            block_bytes: DESCRIPTOR_BYTES,
            blocks_per_slab: PER_PAGE as usize,
            pages_per_slab: 1,
            live_blocks: live,
            slabs: self.pages,
        }
    }

    /// Room for a descriptor, with arbitrary contents.
    #[inline]
    pub(super) fn take(&mut self, source: &mut impl PageSource) -> Option<NonNull<SlabDescriptor>> {
        if self.partial.is_null() {
            let page = source.take(0)?.cast::<Page>().as_ptr();
            // SAFETY: a fresh page, ours alone.
            unsafe { page.write(Page { next: null_mut(), previous: null_mut(), free: ALL_FREE }) };
            self.partial = page;
            self.pages += 1;
        }
        let page = self.partial;
        // SAFETY: pages on the list are live pages of this pool.
        let head = unsafe { &mut *page };
        let number = head.free.trailing_zeros() as usize;
        head.free &= head.free - 1;
        if head.free == 0 {
            self.unlink(page);
        }
        // SAFETY: `number` is below PER_PAGE, so the descriptor lies after the head and inside the page.
        NonNull::new(unsafe { page.cast::<u8>().add((number + 1) * DESCRIPTOR_BYTES) }.cast())
    }

    /// Takes a descriptor back.
    ///
    /// # Safety
    ///
    /// It came from [`Pool::take`], and nothing points to it any more.
    #[inline]
    pub(super) unsafe fn give(&mut self, descriptor: NonNull<SlabDescriptor>, source: &mut impl PageSource) {
        let offset = descriptor.as_ptr() as usize % PAGE_BYTES;
        // SAFETY: a descriptor lies in its page, `offset` bytes from the page's start.
        let start = unsafe { descriptor.cast::<u8>().sub(offset) };
        let page = start.cast::<Page>().as_ptr();
        // SAFETY: a live page of this pool; no other reference to its head exists.
        let head = unsafe { &mut *page };
        if head.free == 0 {
            head.next = self.partial;
            head.previous = null_mut();
            if let Some(mut next) = NonNull::new(head.next) {
                // SAFETY: a page on the list, other than this one, which was not on it.
                unsafe { next.as_mut() }.previous = page;
            }
            self.partial = page;
        }
        head.free |= 1 << (offset / DESCRIPTOR_BYTES - 1);
        if head.free == ALL_FREE {
            self.unlink(page);
            self.pages -= 1;
            // SAFETY: all its descriptors are free, and it is off the list.
            unsafe { source.give(start, 0) };
        }
    }

    fn unlink(&mut self, page: *mut Page) {
        // SAFETY: the page and its neighbours on the list are live pages of this pool.
        unsafe {
            let (next, previous) = ((*page).next, (*page).previous);
            if let Some(mut next) = NonNull::new(next) {
                next.as_mut().previous = previous;
            }
            match NonNull::new(previous) {
                Some(mut previous) => previous.as_mut().next = next,
                None => self.partial = next,
            }
        }
    }
}

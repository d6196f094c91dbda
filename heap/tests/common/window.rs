//! A window for sampled blocks on the host: the contents of a protected page are moved away and replaced by a pattern, so
//! that a write to it is noticed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;

use memstat::PAGE_SIZE_BYTES;

/// The value of each byte of a protected page.
const PROTECTED: u8 = 0xee;

/// A page of the window.
#[derive(Clone, Debug, Default)]
struct Page {
    has_memory: bool,
    is_accessible: bool,
    /// The contents of a page that has memory and is protected.
    kept: Vec<u8>,
}

/// The window.
#[derive(Debug, Default)]
pub(crate) struct TestWindow {
    start: usize,
    pages: Vec<Page>,
    /// Whether there is no memory for further pages.
    pub(crate) is_memory_short: bool,
}

impl TestWindow {
    fn layout(pages: usize) -> Layout {
        Layout::from_size_align(pages * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES).unwrap()
    }

    fn place(&self, page: NonNull<u8>) -> usize {
        let offset = page.as_ptr() as usize - self.start;
        assert!(offset.is_multiple_of(PAGE_SIZE_BYTES));
        offset / PAGE_SIZE_BYTES
    }

    fn bytes(&mut self, place: usize) -> &mut [u8] {
        assert!(place < self.pages.len());
        let start = self.start + place * PAGE_SIZE_BYTES;
        // SAFETY: a page of the window's memory, and one thread runs the test.
        unsafe { std::slice::from_raw_parts_mut(start as *mut u8, PAGE_SIZE_BYTES) }
    }

    fn assert_untouched(&mut self, place: usize) {
        assert!(self.bytes(place).iter().all(|byte| *byte == PROTECTED), "a protected page was written to");
    }

    pub(crate) fn open(&mut self, pages: usize) -> Option<NonNull<u8>> {
        assert!(self.pages.is_empty(), "opened twice");
        // SAFETY: the size is not zero.
        let start = unsafe { System.alloc(Self::layout(pages)) };
        self.start = start as usize;
        self.pages = vec![Page::default(); pages];
        for place in 0..pages {
            self.bytes(place).fill(PROTECTED);
        }
        NonNull::new(start)
    }

    pub(crate) fn close(&mut self) {
        assert!(
            !self.pages.iter().any(|page| page.has_memory || page.is_accessible),
            "a page is still in use"
        );
        let count = self.pages.len();
        (0..count).for_each(|place| self.assert_untouched(place));
        self.pages.clear();
        // SAFETY: from `open`.
        unsafe { System.dealloc(self.start as *mut u8, Self::layout(count)) };
        self.start = 0;
    }

    pub(crate) fn commit(&mut self, page: NonNull<u8>) -> bool {
        let place = self.place(page);
        let page = &mut self.pages[place];
        assert!(!page.has_memory && !page.is_accessible, "committed twice");
        if self.is_memory_short {
            return false;
        }
        (page.has_memory, page.is_accessible) = (true, true);
        self.assert_untouched(place);
        true
    }

    pub(crate) fn decommit(&mut self, page: NonNull<u8>) {
        self.protect(page);
        let place = self.place(page);
        assert!(self.pages[place].has_memory, "decommitted twice");
        self.pages[place] = Page::default();
    }

    pub(crate) fn unprotect(&mut self, page: NonNull<u8>) {
        let place = self.place(page);
        if !std::mem::replace(&mut self.pages[place].is_accessible, true) {
            self.assert_untouched(place);
            let kept = std::mem::take(&mut self.pages[place].kept);
            if !kept.is_empty() {
                self.bytes(place).copy_from_slice(&kept);
            }
        }
    }

    pub(crate) fn protect(&mut self, page: NonNull<u8>) {
        let place = self.place(page);
        if std::mem::replace(&mut self.pages[place].is_accessible, false) {
            let contents = self.bytes(place).to_vec();
            self.bytes(place).fill(PROTECTED);
            if self.pages[place].has_memory {
                self.pages[place].kept = contents;
            }
        }
    }

    /// Where the window lies, in bytes.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.pages.len() * PAGE_SIZE_BYTES
    }

    /// Whether the page of an address allows access.
    pub(crate) fn is_access_allowed(&self, address: usize) -> bool {
        self.pages[(address - self.start) / PAGE_SIZE_BYTES].is_accessible
    }

    /// Pages that have memory.
    pub(crate) fn pages_with_memory(&self) -> usize {
        self.pages.iter().filter(|page| page.has_memory).count()
    }
}

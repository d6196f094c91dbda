//! The tracker's own memory: whole pages, and small cells cut from pages.
//!
//! It is separate from the tracked heap. The first pages are handed over at the start (in a kernel: from .bss), so that
//! the first allocation is recorded. More are taken one by one from the [`Platform`], and given back when they are empty.

use core::ptr::{NonNull, null_mut};

use crate::platform::{PAGE_SIZE_BYTES, Platform};

/// Empty pages kept in reserve, so that allocations and frees around a page boundary do not take and give back a page
/// each time.
const SPARE_PAGES: usize = 4;

/// The owner of the tracker's pages.
#[derive(Debug)]
pub(crate) struct Arena {
    free: PageList,
    /// The address of the pages handed over at the start, which are never given to the platform.
    first_start: usize,
    first_size_bytes: usize,
    /// Pages held now, in use or spare, the first ones included.
    held_pages: usize,
    used_pages: usize,
    peak_used_pages: usize,
    limit_pages: usize,
}

/// A singly linked list of free pages, linked through their first word.
#[derive(Debug)]
struct PageList {
    head: *mut FreePage,
    length: usize,
}

#[derive(Debug)]
struct FreePage {
    next: *mut FreePage,
}

/// The arena could not give the memory that was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArenaFull;

/// The size of the arena: the tracker's own memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArenaStatistics {
    /// Bytes of all its pages, in use or spare.
    pub held_bytes: usize,
    /// Bytes of pages in use.
    pub used_bytes: usize,
    /// The maximum of `used_bytes` so far.
    pub peak_used_bytes: usize,
    /// Bytes of the pages that were handed over at the start, and not taken from the platform.
    pub first_bytes: usize,
}

// SAFETY: the list's pages belong to the arena alone; nothing else has pointers to them.
unsafe impl Send for Arena {}

impl Arena {
    /// An arena without memory; [`Arena::add_first_pages`] and the platform give it some.
    pub(crate) const fn new() -> Self {
        Self {
            free: PageList { head: null_mut(), length: 0 },
            first_start: 0,
            first_size_bytes: 0,
            held_pages: 0,
            used_pages: 0,
            peak_used_pages: 0,
            limit_pages: 0,
        }
    }

    /// Writes what is not zero at the start: there is no limit.
    pub(crate) fn prepare(&mut self) {
        self.limit_pages = usize::MAX;
    }

    /// Hands over the memory that the arena starts with. A second call is ignored.
    ///
    /// # Safety
    ///
    /// `[start, start + size_bytes)` is writable, aligned to pages, and belongs to the arena for ever.
    #[inline(never)]
    pub(crate) unsafe fn add_first_pages(&mut self, start: NonNull<u8>, size_bytes: usize) {
        if self.first_size_bytes != 0 {
            return;
        }
        self.first_start = start.as_ptr() as usize;
        self.first_size_bytes = size_bytes;
        for index in (0..size_bytes / PAGE_SIZE_BYTES).rev() {
            // SAFETY: the caller gave the whole range away; each page lies inside it.
            unsafe { self.free.push(start.add(index * PAGE_SIZE_BYTES)) };
            self.held_pages += 1;
        }
    }

    /// Sets the maximum of the memory in use, rounded down to pages; what is in use already stays.
    pub(crate) fn set_limit_bytes(&mut self, limit_bytes: usize) {
        self.limit_pages = limit_bytes / PAGE_SIZE_BYTES;
    }

    /// Maximum number of pages in use.
    pub(crate) fn limit_pages(&self) -> usize {
        self.limit_pages
    }

    /// What the arena holds.
    pub(crate) fn statistics(&self) -> ArenaStatistics {
        ArenaStatistics {
            held_bytes: self.held_pages * PAGE_SIZE_BYTES,
            used_bytes: self.used_pages * PAGE_SIZE_BYTES,
            peak_used_bytes: self.peak_used_pages * PAGE_SIZE_BYTES,
            first_bytes: self.first_size_bytes,
        }
    }

    /// A page with arbitrary contents, or `None` at the limit or if the platform has none.
    pub(crate) fn take_page(&mut self, platform: &impl Platform) -> Option<NonNull<u8>> {
        if self.used_pages >= self.limit_pages {
            return None;
        }
        let page = if let Some(page) = self.free.pop() {
            page
        } else {
            let page = platform.take_page()?;
            self.held_pages += 1;
            page
        };
        self.used_pages += 1;
        self.peak_used_pages = self.peak_used_pages.max(self.used_pages);
        Some(page)
    }

    /// Takes a page back from the user of the arena.
    ///
    /// # Safety
    ///
    /// `page` came from [`Arena::take_page`] and nothing points into it any more.
    pub(crate) unsafe fn give_page(&mut self, page: NonNull<u8>, platform: &impl Platform) {
        self.used_pages -= 1;
        if self.is_first(page) || self.free.length < SPARE_PAGES {
            // SAFETY: the page is the arena's and unused, as the caller says.
            unsafe { self.free.push(page) };
        } else {
            self.held_pages -= 1;
            // SAFETY: not one of the first pages, so it came from the platform; unused, as the caller says.
            unsafe { platform.give_page(page) };
        }
    }
}

impl Arena {
    /// Gives the spare pages back to the platform, and returns whether there were any. The first pages stay.
    pub(crate) fn give_spare_pages(&mut self, platform: &impl Platform) -> bool {
        let mut first = PageList { head: null_mut(), length: 0 };
        let before = self.held_pages;
        while let Some(page) = self.free.pop() {
            // SAFETY: a free page, off the list now. If it is not one of the first pages, it came from the platform.
            unsafe {
                if self.is_first(page) {
                    first.push(page);
                } else {
                    self.held_pages -= 1;
                    platform.give_page(page);
                }
            }
        }
        self.free = first;
        self.held_pages < before
    }

    fn is_first(&self, page: NonNull<u8>) -> bool {
        (page.as_ptr() as usize).wrapping_sub(self.first_start) < self.first_size_bytes
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl PageList {
    /// # Safety
    ///
    /// `page` is a whole page that nobody uses.
    unsafe fn push(&mut self, page: NonNull<u8>) {
        let page = page.cast::<FreePage>().as_ptr();
        // SAFETY: the page is ours and page aligned, so its first word may be written.
        unsafe { page.write(FreePage { next: self.head }) };
        self.head = page;
        self.length += 1;
    }

    fn pop(&mut self) -> Option<NonNull<u8>> {
        let page = NonNull::new(self.head)?;
        // SAFETY: every page on the list was written by `push` and is still free.
        self.head = unsafe { page.as_ref() }.next;
        self.length -= 1;
        Some(page.cast())
    }
}

/// A source of cells of one size, cut from pages of the arena.
///
/// A page starts with a header: its list links, and which of its cells are free. Pages with a free cell are on a list; of
/// the pages whose cells are all free, one is kept, and the others are given back to the arena.
#[derive(Debug)]
pub(crate) struct Cells<const SIZE_BYTES: usize> {
    partial: *mut CellPage,
    empty_pages: usize,
}

#[derive(Debug)]
struct CellPage {
    next: *mut CellPage,
    previous: *mut CellPage,
    /// Bit i is set while cell i is free.
    free: u32,
}

// SAFETY: the pages belong to this pool alone.
unsafe impl<const SIZE_BYTES: usize> Send for Cells<SIZE_BYTES> {}

impl<const SIZE_BYTES: usize> Cells<SIZE_BYTES> {
    /// The offset of the first cell in a page, after the header, on a 32-byte boundary.
    const FIRST_OFFSET: usize = size_of::<CellPage>().next_multiple_of(32);
    const PER_PAGE: usize = (PAGE_SIZE_BYTES - Self::FIRST_OFFSET) / SIZE_BYTES;
    const ALL_FREE: u32 = ((1_u64 << Self::PER_PAGE) - 1) as u32;

    pub(crate) const fn new() -> Self {
        const { assert!(Self::PER_PAGE <= 32 && SIZE_BYTES.is_multiple_of(16)) };
        Self { partial: null_mut(), empty_pages: 0 }
    }

    /// A cell with arbitrary contents, aligned to 16 bytes.
    pub(crate) fn take(&mut self, arena: &mut Arena, platform: &impl Platform) -> Option<NonNull<u8>> {
        if self.partial.is_null() {
            let page = arena.take_page(platform)?.cast::<CellPage>().as_ptr();
            // SAFETY: a fresh page of the arena is ours alone and large and aligned enough.
            unsafe { page.write(CellPage { next: null_mut(), previous: null_mut(), free: Self::ALL_FREE }) };
            self.partial = page;
            self.empty_pages += 1;
        }
        let page = self.partial;
        // SAFETY: pages on the list are live pages of this pool with a free cell; nobody else refers to
        // their headers.
        let header = unsafe { &mut *page };
        if header.free == Self::ALL_FREE {
            self.empty_pages -= 1;
        }
        let index = header.free.trailing_zeros() as usize;
        header.free &= header.free - 1;
        if header.free == 0 {
            self.partial = header.next;
            if let Some(mut next) = NonNull::new(header.next) {
                // SAFETY: as above; `next` is another page than `page`.
                unsafe { next.as_mut() }.previous = null_mut();
            }
        }
        // SAFETY: `index` is below PER_PAGE, so the cell lies inside the page.
        let cell = unsafe { page.cast::<u8>().add(Self::FIRST_OFFSET + index * SIZE_BYTES) };
        NonNull::new(cell)
    }

    /// Takes a cell back.
    ///
    /// # Safety
    ///
    /// `cell` came from [`Cells::take`] of this pool and nothing points into it any more.
    pub(crate) unsafe fn give(&mut self, cell: NonNull<u8>, arena: &mut Arena, platform: &impl Platform) {
        let offset = cell.as_ptr() as usize % PAGE_SIZE_BYTES;
        // SAFETY: a cell lies in its page, `offset` bytes from the page's start.
        let page = unsafe { cell.sub(offset) }.cast::<CellPage>().as_ptr();
        // SAFETY: the page is a live one of this pool, and no other reference to its header exists.
        let header = unsafe { &mut *page };
        if header.free == 0 {
            header.next = self.partial;
            header.previous = null_mut();
            if let Some(mut next) = NonNull::new(header.next) {
                // SAFETY: a page on the list, other than `page`, which was not on it.
                unsafe { next.as_mut() }.previous = page;
            }
            self.partial = page;
        }
        header.free |= 1 << ((offset - Self::FIRST_OFFSET) / SIZE_BYTES);
        if header.free != Self::ALL_FREE {
            return;
        }
        if self.empty_pages == 0 {
            self.empty_pages = 1;
            return;
        }
        let (next, previous) = (header.next, header.previous);
        if let Some(mut next) = NonNull::new(next) {
            // SAFETY: neighbours on the list are live pages other than `page`.
            unsafe { next.as_mut() }.previous = previous;
        }
        match NonNull::new(previous) {
            // SAFETY: as for `next`.
            Some(mut previous) => unsafe { previous.as_mut() }.next = next,
            None => self.partial = next,
        }
        if let Some(page) = NonNull::new(page.cast::<u8>()) {
            // SAFETY: all its cells are free and it is off the list.
            unsafe { arena.give_page(page, platform) };
        }
    }
}

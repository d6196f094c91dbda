//! What each page of the heap is used for: one word per page.
//!
//! Words are found by address: they take address space for each page from the first to the last, and memory only for
//! existing pages.

use core::ops::Range;
use core::ptr::NonNull;

use crate::{PAGE_BYTES, PageSpan};

/// The use of a page.
#[derive(Debug)]
pub(super) enum PageUse<T> {
    /// Not the heap's, or inside a large block.
    None,
    /// Part of a slab or a region, which is cut into blocks.
    Part(NonNull<T>),
    /// The first page of a large block.
    Block {
        /// How many pages it has.
        pages: usize,
    },
}

impl<T> Clone for PageUse<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for PageUse<T> {}

/// The memory for a page map.
#[derive(Debug)]
pub struct PageWords {
    base: usize,
    words: NonNull<usize>,
    count: usize,
}

/// One word for each page of a range of addresses. `T` is what pages are parts of.
#[derive(Debug)]
pub(super) struct PageMap<T> {
    words: PageWords,
    parts: core::marker::PhantomData<*mut T>,
}

// SAFETY: the words belong to this map alone.
unsafe impl<T> Send for PageMap<T> {}

/// Added to the address of the slab or region, which is even. The words of the other uses are even, so one test recognizes
/// a part.
const PART_TAG: usize = 1;
/// Set in the word of a large block's first page.
const BLOCK_TAG: usize = 2;

impl PageWords {
    /// Bytes of the words for these pages.
    pub fn size_bytes(span: &PageSpan) -> usize {
        span.page_count() * size_of::<usize>()
    }

    /// The part of the words for `span` that belongs to `pages`, which lie inside `span`: a range of bytes, as offsets from
    /// the start of the words.
    pub fn part(span: &PageSpan, pages: &PageSpan) -> Range<usize> {
        let first = pages.first().index() - span.first().index();
        first * size_of::<usize>()..(first + pages.page_count()) * size_of::<usize>()
    }

    /// Words for the pages of `span`, none in use.
    ///
    /// # Safety
    ///
    /// `words` has [`PageWords::size_bytes`] bytes, aligned to 8, which belong to this for ever. They read as zeros, and those
    /// of [`PageWords::part`] can be written for all pages that a heap gets.
    pub const unsafe fn new(span: &PageSpan, words: NonNull<usize>) -> Self {
        Self { base: span.start_address(), words, count: span.page_count() }
    }
}

impl<T> PageMap<T> {
    /// A map in which no page is in use.
    pub(super) fn new(words: PageWords) -> Self {
        Self { words, parts: core::marker::PhantomData }
    }

    #[inline]
    fn word(&self, address: usize) -> Option<NonNull<usize>> {
        let PageWords { base, words, count } = self.words;
        let number = address.wrapping_sub(base) / PAGE_BYTES;
        // SAFETY: below the count all words are the map's.
        (number < count).then(|| unsafe { words.add(number) })
    }

    /// The use of the page that `address` lies in.
    #[inline]
    pub(super) fn get(&self, address: usize) -> PageUse<T> {
        if let Some(part) = self.part(address) {
            return PageUse::Part(part);
        }
        match self.read(address) {
            0 => PageUse::None,
            word => PageUse::Block { pages: word >> 2 },
        }
    }

    #[inline]
    fn read(&self, address: usize) -> usize {
        // SAFETY: a word of the map; `&self` keeps it from changing.
        self.word(address).map_or(0, |word| unsafe { word.read() })
    }

    /// The slab or region that the page at `address` is part of.
    #[inline]
    pub(super) fn part(&self, address: usize) -> Option<NonNull<T>> {
        const { assert!(align_of::<T>() > 1) };
        let word = self.read(address);
        if word & PART_TAG == 0 {
            return None;
        }
        // SAFETY: an odd word is an address and the tag.
        Some(unsafe { NonNull::new_unchecked((word - PART_TAG) as *mut T) })
    }

    /// Sets the use of `pages` pages from `address` on; pages outside the map are ignored.
    pub(super) fn set(&mut self, address: usize, pages: usize, page_use: PageUse<T>) {
        let value = match page_use {
            PageUse::None => 0,
            PageUse::Part(part) => part.as_ptr() as usize + PART_TAG,
            PageUse::Block { pages } => pages << 2 | BLOCK_TAG,
        };
        for page in 0..pages {
            if let Some(word) = self.word(address + page * PAGE_BYTES) {
                // SAFETY: a word of the map; `&mut self` keeps others away.
                unsafe { word.write(value) };
            }
        }
    }
}

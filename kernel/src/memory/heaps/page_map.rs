//! What each page of the heap is used for: one word a page.

use core::ptr::NonNull;

use super::slab::SlabDescriptor;
use crate::memory::frames::PAGE_BYTES;

/// The use of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageUse {
    /// Not the heap's, or inside a large block.
    None,
    /// Part of a slab.
    Slab(NonNull<SlabDescriptor>),
    /// The first page of a block of 2^order pages.
    Block {
        /// The block's order.
        order: u32,
    },
}

/// One word for each page of a range of addresses.
#[derive(Debug)]
pub(crate) struct PageMap {
    base: usize,
    words: *mut usize,
    count: usize,
}

// SAFETY: the words belong to this map alone.
unsafe impl Send for PageMap {}

/// Set in the word of a large block's first page; descriptors are aligned to 64.
const BLOCK_TAG: usize = 1;

impl PageMap {
    /// Bytes that the map of `[start, end)` takes.
    pub(crate) fn size_bytes(start: usize, end: usize) -> usize {
        (end - start) / PAGE_BYTES * size_of::<usize>()
    }

    /// A map of the pages of `[start, end)`, page aligned, none in use.
    ///
    /// # Safety
    ///
    /// `words` has [`PageMap::size_bytes`] bytes, aligned to 8, for ever.
    pub(crate) unsafe fn new(start: usize, end: usize, words: *mut usize) -> Self {
        let count = (end - start) / PAGE_BYTES;
        // SAFETY: the caller gave that many bytes away.
        unsafe { words.write_bytes(0, count) };
        Self { base: start, words, count }
    }

    #[inline]
    fn word(&self, address: usize) -> Option<*mut usize> {
        let number = address.wrapping_sub(self.base) / PAGE_BYTES;
        // SAFETY: below the count all words are the map's.
        (number < self.count).then(|| unsafe { self.words.add(number) })
    }

    /// The use of the page that `address` lies in.
    #[inline]
    pub(super) fn get(&self, address: usize) -> PageUse {
        // SAFETY: a word of the map; `&self` keeps it from changing.
        let word = self.word(address).map_or(0, |word| unsafe { word.read() });
        if word & BLOCK_TAG != 0 {
            return PageUse::Block { order: (word >> 1) as u32 };
        }
        NonNull::new(word as *mut SlabDescriptor).map_or(PageUse::None, PageUse::Slab)
    }

    /// Sets the use of the page at `address`; a page outside of the map stays what it is.
    #[inline]
    pub(super) fn set(&mut self, address: usize, page_use: PageUse) {
        let value = match page_use {
            PageUse::None => 0,
            PageUse::Slab(descriptor) => descriptor.as_ptr() as usize,
            PageUse::Block { order } => (order as usize) << 1 | BLOCK_TAG,
        };
        if let Some(word) = self.word(address) {
            // SAFETY: a word of the map; `&mut self` keeps others away.
            unsafe { word.write(value) };
        }
    }
}

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

/// Added to the address of a slab's descriptor, which is aligned to 64. The other uses have even words, so
/// that one test tells a slab.
const SLAB_TAG: usize = 1;
/// Set in the word of a large block's first page.
const BLOCK_TAG: usize = 2;

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
        if let Some(slab) = self.slab(address) {
            return PageUse::Slab(slab);
        }
        match self.read(address) {
            0 => PageUse::None,
            word => PageUse::Block { order: (word >> 2) as u32 },
        }
    }

    #[inline]
    fn read(&self, address: usize) -> usize {
        // SAFETY: a word of the map; `&self` keeps it from changing.
        self.word(address).map_or(0, |word| unsafe { word.read() })
    }

    /// The slab that the page at `address` is part of.
    #[inline]
    pub(super) fn slab(&self, address: usize) -> Option<NonNull<SlabDescriptor>> {
        let word = self.read(address);
        if word & SLAB_TAG == 0 {
            return None;
        }
        // SAFETY: an odd word is a descriptor's address and the tag.
        Some(unsafe { NonNull::new_unchecked((word - SLAB_TAG) as *mut SlabDescriptor) })
    }

    /// Sets the use of the page at `address`; a page outside of the map stays what it is.
    #[inline]
    pub(super) fn set(&mut self, address: usize, page_use: PageUse) {
        let value = match page_use {
            PageUse::None => 0,
            PageUse::Slab(descriptor) => descriptor.as_ptr() as usize + SLAB_TAG,
            PageUse::Block { order } => (order as usize) << 2 | BLOCK_TAG,
        };
        if let Some(word) = self.word(address) {
            // SAFETY: a word of the map; `&mut self` keeps others away.
            unsafe { word.write(value) };
        }
    }
}

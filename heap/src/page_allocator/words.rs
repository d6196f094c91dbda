//! Which run of pages starts where, and for whom: one word for each page.
//!
//! Words are found by address, like those of the page map, and are atomic, so that who lists runs or looks for the one
//! around an address needs no lock.

use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::frames::MAX_ORDER;
use crate::pages::PAGE_SHIFT;
use crate::{PAGE_BYTES, PageNumber, PageSpan};

/// The word of a free page, or of one inside a run, has no more than the two bits below. That of the first page of a
/// run: the purpose, whether the run is unlisted, how many pages it has.
const PURPOSE_BITS: u32 = MAX_PURPOSE as u32;
const UNLISTED: u32 = 1 << 7;
const PAGES_SHIFT: u32 = 8;

/// The largest number of a purpose.
pub const MAX_PURPOSE: u8 = 0x7f;

/// The page is free, and filled with poison.
pub(super) const POISONED: u32 = 1;
/// A run started here, and was freed.
pub(super) const WAS_TAKEN: u32 = 2;
/// A listed run of one page without a purpose.
pub(super) const ONE_PAGE: u32 = 1 << PAGES_SHIFT;

const _: () =
    assert!(1_usize << MAX_ORDER <= (u32::MAX >> PAGES_SHIFT) as usize, "all runs have a number of pages");

/// A run of pages that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRun {
    /// Its first page.
    pub first: PageNumber,
    /// How many pages it has.
    pub pages: usize,
    /// The number that [`RunWords::set_purpose`] has set; 0 before.
    pub purpose: u8,
    /// Whether it was taken by [`PageAllocator::take_unlisted`](super::PageAllocator::take_unlisted).
    pub is_unlisted: bool,
}

impl PageRun {
    fn of(word: u32, first: PageNumber) -> Option<Self> {
        let pages = (word >> PAGES_SHIFT) as usize;
        (pages > 0).then_some(Self {
            first,
            pages,
            purpose: (word & PURPOSE_BITS) as u8,
            is_unlisted: word & UNLISTED != 0,
        })
    }
}

/// The words of all pages.
#[derive(Clone, Copy, Debug)]
pub struct RunWords {
    base: usize,
    words: NonNull<AtomicU32>,
    count: usize,
}

// SAFETY: the words are atomic, and stay for ever.
unsafe impl Send for RunWords {}
// SAFETY: as above.
unsafe impl Sync for RunWords {}

impl RunWords {
    /// No words.
    pub const EMPTY: Self = Self { base: 0, words: NonNull::dangling(), count: 0 };

    /// Bytes of the words for these pages.
    pub(super) fn size_bytes(span: &PageSpan) -> usize {
        (span.page_count() * size_of::<AtomicU32>()).next_multiple_of(64)
    }

    /// The part of the words for `span` that belongs to `pages`: a range of bytes, as offsets from the start of the words.
    pub(super) fn part(span: &PageSpan, pages: &PageSpan) -> Range<usize> {
        let first = pages.first().index() - span.first().index();
        first * size_of::<AtomicU32>()..(first + pages.page_count()) * size_of::<AtomicU32>()
    }

    /// Words for the pages of `span`.
    ///
    /// # Safety
    ///
    /// `words` has [`RunWords::size_bytes`] bytes, aligned to 64, for ever. They read as zeros, and those of
    /// [`RunWords::part`] can be written for all pages that runs have.
    pub(super) const unsafe fn new(span: &PageSpan, words: NonNull<u8>) -> Self {
        Self { base: span.start_address(), words: words.cast(), count: span.page_count() }
    }

    #[inline]
    pub(super) fn word(&self, address: usize) -> Option<&AtomicU32> {
        let number = address.wrapping_sub(self.base) >> PAGE_SHIFT;
        // SAFETY: below the count all words are there.
        (number < self.count).then(|| unsafe { self.words.add(number).as_ref() })
    }

    /// The word of the page that `address` lies in; 0 outside of the span.
    #[inline]
    pub(super) fn read(&self, address: usize) -> u32 {
        self.word(address).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    #[inline]
    pub(super) fn write(&self, address: usize, value: u32) {
        if let Some(word) = self.word(address) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Enters a run.
    pub(super) fn start_run(&self, address: usize, pages: usize, is_unlisted: bool) {
        let flag = if is_unlisted { UNLISTED } else { 0 };
        self.write(address, (pages as u32) << PAGES_SHIFT | flag);
    }

    /// Whether `word` is that of a listed run of one page.
    #[inline]
    pub(super) fn is_one_page(word: u32) -> bool {
        word & !PURPOSE_BITS == ONE_PAGE
    }

    /// Sets what the run that starts at `first` is for, a number up to [`MAX_PURPOSE`]. Nothing happens if none starts
    /// there.
    #[inline]
    pub fn set_purpose(&self, first: NonNull<u8>, purpose: u8) {
        if let Some(word) = self.word(first.as_ptr() as usize) {
            let run = word.load(Ordering::Relaxed);
            if run >> PAGES_SHIFT != 0 {
                word.store(run & !PURPOSE_BITS | u32::from(purpose) & PURPOSE_BITS, Ordering::Relaxed);
            }
        }
    }

    /// The purpose and the pages of the run that starts at the page of `address`; no pages if none does, or one that is
    /// unlisted. The same as [`RunWords::starting_at`] in fewer instructions.
    #[inline]
    pub fn listed_at(&self, address: usize) -> (u8, usize) {
        let word = self.read(address);
        let pages = if word & UNLISTED == 0 { word >> PAGES_SHIFT } else { 0 };
        ((word & PURPOSE_BITS) as u8, pages as usize)
    }

    /// The run whose first page is the one that `address` lies in.
    #[inline]
    pub fn starting_at(&self, address: usize) -> Option<PageRun> {
        PageRun::of(self.read(address), PageNumber::of(address as *const u8))
    }

    /// The run that contains `address`.
    pub fn containing(&self, address: usize) -> Option<PageRun> {
        self.word(address)?;
        let page = address & !(PAGE_BYTES - 1);
        // A run of up to 2^order pages is aligned to as many.
        (0..=MAX_ORDER).find_map(|order| {
            let start = page & !((PAGE_BYTES << order) - 1);
            let run = self.starting_at(start)?;
            (page - start < run.pages * PAGE_BYTES).then_some(run)
        })
    }
}

//! Runs of pages: the frames, with a word for each page that says which run starts there and what it is for.
//!
//! The frames alone refuse what is free already. With the words all other mistakes are refused as well, at whatever level
//! pages are accounted: a run that was never taken, has another length, or starts elsewhere. A few free pages stand in a
//! cache before the frames, which are filled and emptied several at a time; they count as free, and go back before
//! anything fails for lack of them.
//!
//! It is a `memstat::Backend` (`backend`): so a tracker around it accounts for pages as one around a heap does for
//! blocks. The tracker's own pages are taken from here too, past the tracker: they are unlisted.

mod backend;
mod poison;
mod words;

use core::ops::Range;
use core::ptr::NonNull;

use self::poison::Poison;
use self::words::WAS_TAKEN;
use crate::frames::{BLOCKS_LOG2, Frames, MAX_ORDER, NotAllocated, SHOWN_ORDERS};
use crate::pages::pieces;
use crate::{PAGE_BYTES, PageSpan};

pub use backend::page_layout;
pub use poison::{POISON, PoisonDamage};
pub use words::{MAX_PURPOSE, PageRun, RunWords};

/// Pages in the cache at most.
const CACHED: usize = 16;
/// Pages that are taken from the frames, or given to them, at once, as a power of two.
const BATCH_ORDER: u32 = 3;
const BATCH: usize = 1 << BATCH_ORDER;

/// The frames with the words of all pages, and a cache of single pages.
pub struct PageAllocator {
    frames: Frames,
    words: RunWords,
    cache: [*mut u8; CACHED],
    cached: usize,
    /// Listed runs that are taken.
    runs: usize,
    /// Pages that were taken before there were frames.
    early_pages: usize,
    /// Pages of unlisted runs.
    unlisted_pages: usize,
    poison: Poison,
}

// SAFETY: the cached pages belong to this alone.
unsafe impl Send for PageAllocator {}

impl PageAllocator {
    /// An allocator without memory.
    pub const fn empty() -> Self {
        Self {
            frames: Frames::empty(),
            words: RunWords::EMPTY,
            cache: [core::ptr::null_mut(); CACHED],
            cached: 0,
            runs: 0,
            early_pages: 0,
            unlisted_pages: 0,
            poison: Poison::off(),
        }
    }

    /// Bytes of metadata for the pages of `span`.
    pub fn metadata_bytes(span: &PageSpan) -> usize {
        Frames::metadata_bytes(span) + RunWords::size_bytes(span)
    }

    /// The parts of the metadata for `span` that describe `pages`, as of [`Frames::metadata_parts`].
    pub fn metadata_parts(span: &PageSpan, pages: &PageSpan) -> [Range<usize>; 5] {
        let [a, b, c, d] = Frames::metadata_parts(span, pages);
        let (start, words) = (Frames::metadata_bytes(span), RunWords::part(span, pages));
        [a, b, c, d, start + words.start..start + words.end]
    }

    /// Prepares for the pages of `span`; none of them is free yet.
    ///
    /// # Safety
    ///
    /// As for [`Frames::init`], with the bytes of [`PageAllocator::metadata_bytes`] and the parts of
    /// [`PageAllocator::metadata_parts`].
    pub unsafe fn init(&mut self, span: &PageSpan, metadata: NonNull<u8>) {
        // SAFETY: upheld by the caller; the words follow the metadata of the frames, which is a multiple of 64.
        unsafe {
            self.frames.init(span, metadata);
            self.words = RunWords::new(span, metadata.add(Frames::metadata_bytes(span)));
        }
    }

    /// Adds free pages.
    ///
    /// # Safety
    ///
    /// As for [`Frames::add`].
    pub unsafe fn add(&mut self, span: &PageSpan) {
        // SAFETY: upheld by the caller.
        unsafe { self.frames.add(span) };
    }

    /// The words of all pages, which can be read without the allocator.
    pub fn words(&self) -> RunWords {
        self.words
    }

    /// Sets whether pages that are freed are filled with poison, and checked when they are taken again.
    pub fn set_poison(&mut self, is_on: bool) {
        self.poison.is_on = is_on;
    }

    /// The first damage of a free page that was found since this was last asked, and how many pages were damaged so far.
    pub fn take_damage(&mut self) -> Option<(PoisonDamage, u64)> {
        self.poison.take_damage()
    }

    /// Takes a run of `pages` pages, aligned to 2^`order` pages, which must not be fewer.
    pub fn take(&mut self, pages: usize, order: u32) -> Option<NonNull<u8>> {
        let start = self.take_run(pages, order, false)?;
        self.runs += 1;
        Some(start)
    }

    /// Takes a page that is not listed: for who accounts for the others.
    pub fn take_unlisted(&mut self) -> Option<NonNull<u8>> {
        let page = self.take_run(1, 0, true)?;
        self.unlisted_pages += 1;
        Some(page)
    }

    fn take_run(&mut self, pages: usize, order: u32, is_unlisted: bool) -> Option<NonNull<u8>> {
        let taken = if order == 0 { self.take_one() } else { None };
        let start = taken.or_else(|| self.frames.take(order)).or_else(|| self.take_emptying_cache(order))?;
        if pages != 1 << order {
            // SAFETY: the pages after the run's end; nobody uses any of them yet.
            unsafe { self.give_frames(start, pages..1 << order) };
        }
        if self.poison.pages > 0 {
            // SAFETY: taken just now.
            unsafe { self.poison.check(start, pages, &self.words) };
        }
        self.words.start_run(start.as_ptr() as usize, pages, is_unlisted);
        Some(start)
    }

    /// A page of the cache, which is filled first if it is empty. `None` if there are not so many free pages in a row.
    fn take_one(&mut self) -> Option<NonNull<u8>> {
        if self.cached == 0 {
            let batch = self.frames.take(BATCH_ORDER)?;
            // The lowest is taken first.
            for number in (0..BATCH).rev() {
                // SAFETY: inside the pages taken just now.
                self.push(unsafe { batch.add(number * PAGE_BYTES) });
            }
        }
        self.pop()
    }

    /// Takes 2^`order` pages after the cache has gone back to the frames.
    #[cold]
    #[inline(never)]
    fn take_emptying_cache(&mut self, order: u32) -> Option<NonNull<u8>> {
        if self.cached == 0 {
            return None;
        }
        self.empty_cache(0);
        self.frames.take(order)
    }

    #[inline]
    fn push(&mut self, page: NonNull<u8>) {
        debug_assert!(self.cached < CACHED);
        self.cache[self.cached % CACHED] = page.as_ptr();
        self.cached += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        let last = self.cached.checked_sub(1)?;
        self.cached = last;
        NonNull::new(self.cache[last % CACHED])
    }

    /// Gives pages of the cache to the frames until it has `left`.
    fn empty_cache(&mut self, left: usize) {
        while self.cached > left
            && let Some(page) = self.pop()
        {
            // SAFETY: a page of the cache came from the frames, and nobody uses it.
            unsafe { self.give_frames(page, 0..1) };
        }
    }

    /// Gives the pages number `span` from `start` on to the frames.
    ///
    /// # Safety
    ///
    /// They were taken from there in one block that starts at `start` and is aligned to its size, and nobody uses them.
    /// When a part of a block is given back for the first time, nobody uses the rest of it either.
    unsafe fn give_frames(&mut self, start: NonNull<u8>, span: Range<usize>) {
        for (number, order) in pieces(span) {
            // SAFETY: upheld by the caller.
            let given = unsafe { self.frames.give(start.add(number * PAGE_BYTES), order) };
            debug_assert!(given.is_ok(), "the pages were taken");
        }
    }

    /// Frees the run of `pages` pages that starts at `start`.
    ///
    /// # Errors
    ///
    /// [`NotAllocated`] if no listed run of as many pages starts there; nothing has changed then.
    ///
    /// # Safety
    ///
    /// If it is such a run, nobody uses it any more.
    pub unsafe fn give(&mut self, start: NonNull<u8>, pages: usize) -> Result<(), NotAllocated> {
        // SAFETY: upheld by the caller.
        unsafe { self.give_run(start, pages, false) }?;
        self.runs -= 1;
        Ok(())
    }

    /// Whether pages of a run, which is aligned to 2^`order` pages, can be freed while its first `kept` stay in use. Not
    /// so where both are parts of the same block of 64 pages, or of 4096 and so on, which the frames handed out as one.
    pub fn can_shrink(pages: usize, order: u32, kept: usize) -> bool {
        let unit_pages = 1 << (order - order % BLOCKS_LOG2);
        (1..=pages).contains(&kept) && kept.is_multiple_of(unit_pages) && pages.is_multiple_of(unit_pages)
    }

    /// Frees the pages of a run after its first `kept`, without a change of the others; false if that is not
    /// [possible](PageAllocator::can_shrink), or no such run starts there.
    ///
    /// # Safety
    ///
    /// Nobody uses the pages that are freed.
    pub unsafe fn shrink(&mut self, start: NonNull<u8>, order: u32, kept: usize) -> bool {
        let address = start.as_ptr() as usize;
        let Some(run) = self.words.starting_at(address).filter(|run| !run.is_unlisted) else { return false };
        if !Self::can_shrink(run.pages, order, kept) {
            return false;
        }
        let freed = run.pages - kept;
        self.words.start_run(address, kept, false);
        self.words.set_purpose(start, run.purpose);
        // SAFETY: upheld by the caller. The frames access no page that stays, as the pieces are of the block's tier.
        unsafe {
            if self.poison.is_on {
                self.poison.fill(start.add(kept * PAGE_BYTES), freed, &self.words);
            }
            self.give_frames(start, kept..run.pages);
        }
        true
    }

    /// Frees a page from [`PageAllocator::take_unlisted`].
    ///
    /// # Errors
    ///
    /// [`NotAllocated`] if it is none.
    ///
    /// # Safety
    ///
    /// As for [`PageAllocator::give`].
    pub unsafe fn give_unlisted(&mut self, page: NonNull<u8>) -> Result<(), NotAllocated> {
        // SAFETY: upheld by the caller.
        unsafe { self.give_run(page, 1, true) }?;
        self.unlisted_pages -= 1;
        Ok(())
    }

    /// # Safety
    ///
    /// As for [`PageAllocator::give`].
    unsafe fn give_run(
        &mut self,
        start: NonNull<u8>,
        pages: usize,
        is_unlisted: bool,
    ) -> Result<(), NotAllocated> {
        let address = start.as_ptr() as usize;
        let run = self.words.starting_at(address).ok_or(NotAllocated)?;
        if !address.is_multiple_of(PAGE_BYTES) || run.pages != pages || run.is_unlisted != is_unlisted {
            return Err(NotAllocated);
        }
        self.words.write(address, WAS_TAKEN);
        if self.poison.is_on {
            // SAFETY: the caller gives the run up.
            unsafe { self.poison.fill(start, pages, &self.words) };
        }
        if pages > 1 {
            // SAFETY: the run was taken from there in one block; the pages after it are back already.
            unsafe { self.give_frames(start, 0..pages) };
            return Ok(());
        }
        if self.cached == CACHED {
            self.empty_cache(CACHED - BATCH);
        }
        self.push(start);
        Ok(())
    }

    /// Counts pages that were taken before there were frames: they are managed, and never free.
    pub fn count_taken(&mut self, pages: usize) {
        self.frames.count_taken(pages);
        self.early_pages += pages;
    }

    /// Pages that were added, or counted as taken.
    pub fn total_pages(&self) -> usize {
        self.frames.total_pages()
    }

    /// Pages that are free, those of the cache included.
    pub fn free_pages(&self) -> usize {
        self.frames.free_pages() + self.cached
    }

    /// The number of free blocks of each order, as of [`Frames::free_blocks`]; the cache has blocks of one page.
    pub fn free_blocks(&self) -> [usize; SHOWN_ORDERS] {
        let mut blocks = self.frames.free_blocks();
        if let Some(single) = blocks.first_mut() {
            *single += self.cached;
        }
        blocks
    }

    /// Pages of runs that [`PageAllocator::take`] has handed out.
    pub fn listed_pages(&self) -> usize {
        self.total_pages() - self.early_pages - self.free_pages() - self.unlisted_pages
    }

    /// Pages that [`PageAllocator::take_unlisted`] has handed out.
    pub fn unlisted_pages(&self) -> usize {
        self.unlisted_pages
    }
}

const _: () = assert!(CACHED.is_power_of_two(), "the remainder of a place is one instruction");
const _: () = assert!(BATCH_ORDER <= MAX_ORDER && BATCH <= CACHED);

//! The allocator of runs as a backend of a tracker: a block is a run, and its size that of its pages.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use memstat::{Backend, Live, Location};

use super::words::{ONE_PAGE, WAS_TAKEN};
use super::{CACHED, PageAllocator, RunWords};
use crate::PAGE_BYTES;
use crate::frames::MAX_ORDER;

const ONE: Layout = match Layout::from_size_align(PAGE_BYTES, PAGE_BYTES) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

/// The layout of a run of `pages` pages, aligned to 2^`order` pages; `None` if that is too large.
#[inline]
pub fn page_layout(pages: usize, order: u32) -> Option<Layout> {
    if order == 0 && pages == 1 {
        return Some(ONE);
    }
    if order > MAX_ORDER || pages > 1 << order {
        return None;
    }
    Layout::from_size_align(pages * PAGE_BYTES, PAGE_BYTES << order).ok()
}

/// The pages of a layout, and the order of their alignment.
fn run_of(layout: Layout) -> Option<(usize, u32)> {
    let pages = layout.size().div_ceil(PAGE_BYTES).max(1);
    let aligned_pages = (layout.align() / PAGE_BYTES).max(pages.checked_next_power_of_two()?);
    Some((pages, aligned_pages.trailing_zeros()))
}

#[inline]
fn is_one_page(layout: Layout) -> bool {
    layout.size() == PAGE_BYTES && layout.align() <= PAGE_BYTES
}

impl PageAllocator {
    /// What the fast paths have no page for, or no room. A function of its own, so that they save no registers.
    #[cold]
    #[inline(never)]
    fn allocate_by_call(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.allocate(layout)
    }

    /// Frees the run that starts at `address`, if it has the claimed length. Returns how many bytes it took.
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate_fast`].
    #[cold]
    #[inline(never)]
    unsafe fn give_by_call(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        let bytes = self.words.starting_at(address)?.pages * PAGE_BYTES;
        if claimed.is_some_and(|layout| layout.size() != bytes) {
            return None;
        }
        // SAFETY: upheld by the caller.
        unsafe { self.give(NonNull::new(address as *mut u8)?, bytes / PAGE_BYTES) }.ok()?;
        Some(bytes)
    }
}

// SAFETY: the frames hand out each page once, aligned to the block's size; a run stays taken until it is freed with the
// length that its word has. The words are the allocator's own memory.
unsafe impl Backend for PageAllocator {
    const KNOWS_LIVE: bool = true;
    const HAS_RESIZE: bool = true;
    const REFUSES_WRONG_SIZES: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let (pages, order) = run_of(layout)?;
        let start = self.take(pages, order)?;
        Some(NonNull::slice_from_raw_parts(start, pages * PAGE_BYTES))
    }

    #[inline]
    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        if !is_one_page(layout) || self.poison.pages > 0 {
            return self.allocate_by_call(layout);
        }
        // The slow path fills the cache. So the tracker knows that this operation is an expensive one, and puts off the growth
        // of its tables.
        let page = self.pop()?;
        self.words.write(page.as_ptr() as usize, ONE_PAGE);
        self.runs += 1;
        Some(NonNull::slice_from_raw_parts(page, PAGE_BYTES))
    }

    #[inline]
    unsafe fn deallocate_fast(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        // How a page is aligned beyond its size makes no difference any more.
        let is_at_hand = claimed.is_none_or(|layout| layout.size() == PAGE_BYTES)
            && self.cached < CACHED
            && !self.poison.is_on
            && address.is_multiple_of(PAGE_BYTES);
        let words = self.words;
        let word = words
            .word(address)
            .filter(|word| is_at_hand && RunWords::is_one_page(word.load(Ordering::Relaxed)));
        let Some((word, page)) = word.zip(NonNull::new(address as *mut u8)) else {
            // SAFETY: upheld by the caller.
            return unsafe { self.give_by_call(address, claimed) };
        };
        word.store(WAS_TAKEN, Ordering::Relaxed);
        self.push(page);
        self.runs -= 1;
        Some(PAGE_BYTES)
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        let (pages, _) = run_of(layout).unwrap_or_default();
        // SAFETY: upheld by the caller.
        let given = unsafe { self.give(block, pages) };
        debug_assert!(given.is_ok(), "the run is taken");
        pages * PAGE_BYTES
    }

    /// In place or not at all.
    unsafe fn shrink(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        let (pages, _) = run_of(new)?;
        let (_, order) = run_of(old)?;
        // SAFETY: upheld by the caller.
        let is_shrunk = unsafe { PageAllocator::shrink(self, block, order, pages) };
        is_shrunk.then(|| NonNull::slice_from_raw_parts(block, pages * PAGE_BYTES))
    }

    fn live(&self) -> Option<Live> {
        Some(Live { blocks: self.runs as u64, bytes: (self.listed_pages() * PAGE_BYTES) as u64 })
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        run_of(layout).map_or(0, |(pages, _)| pages * PAGE_BYTES)
    }

    #[inline]
    unsafe fn taken_size_bytes_fast(&self, layout: Layout) -> Option<usize> {
        is_one_page(layout).then_some(PAGE_BYTES)
    }

    /// Unlisted runs are none of the tracker's, so there is nothing at their addresses.
    fn locate(&self, address: usize) -> Location {
        match self.words.containing(address) {
            Some(run) if run.is_unlisted => Location::Unknown,
            Some(run) => {
                let order = run.pages.next_power_of_two().trailing_zeros();
                match page_layout(run.pages, order) {
                    Some(layout) => Location::Live { start: run.first.start() as usize, layout },
                    None => Location::Unknown,
                }
            }
            None if self.words.read(address) & WAS_TAKEN != 0 => {
                Location::Free { start: address & !(PAGE_BYTES - 1) }
            }
            None => Location::Unknown,
        }
    }
}

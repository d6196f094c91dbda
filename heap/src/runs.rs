//! Large blocks: runs of pages, as many as the block needs. All backends use them.
//!
//! A run has no pages after the block's end: so a block takes less than a page more than was requested, and a rear red
//! zone adds one page at most.

use core::alloc::Layout;
use core::ptr::NonNull;

use memstat::{Live, Location};

use super::PageSource;
use super::page_map::{PageMap, PageUse};
use crate::PAGE_BYTES;
use crate::frames::MAX_ORDER;

const BLOCK_ALIGN_BYTES: usize = 16;

/// How many large blocks there are.
#[derive(Debug, Default)]
pub(super) struct Runs {
    blocks: usize,
    pages: usize,
}

/// The pages of a large block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Pages of the block.
    pages: usize,
    /// They are aligned to 2^order pages, which are as many or more, and have the block's alignment.
    order: u32,
}

impl Run {
    /// The run for a layout; `None` if it is too large.
    pub(super) fn of(layout: Layout) -> Option<Self> {
        let aligned_bytes = layout.size().max(layout.align());
        let order = aligned_bytes.div_ceil(PAGE_BYTES).checked_next_power_of_two()?.trailing_zeros();
        Some(Self { pages: layout.size().div_ceil(PAGE_BYTES).max(1), order })
    }

    /// Bytes that the run takes.
    pub(super) fn size_bytes(self) -> usize {
        self.pages.saturating_mul(PAGE_BYTES)
    }
}

impl Runs {
    /// Pages in large blocks.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    pub(super) fn live(&self) -> Live {
        Live { blocks: self.blocks as u64, bytes: (self.pages * PAGE_BYTES) as u64 }
    }

    pub(super) fn allocate<T>(
        &mut self,
        run: Run,
        map: &mut PageMap<T>,
        source: &mut impl PageSource,
    ) -> Option<NonNull<[u8]>> {
        let Run { pages, order } = run;
        let block = source.take_run(pages, order)?;
        map.set(block.as_ptr() as usize, 1, PageUse::Block { pages });
        self.pages += pages;
        self.blocks += 1;
        Some(NonNull::slice_from_raw_parts(block, run.size_bytes()))
    }

    /// Frees the large block that starts at `block`, and returns how many bytes it took; `None` if none starts there.
    ///
    /// # Safety
    ///
    /// Nobody uses a block that starts there any more.
    pub(super) unsafe fn deallocate<T>(
        &mut self,
        block: NonNull<u8>,
        map: &mut PageMap<T>,
        source: &mut impl PageSource,
    ) -> Option<usize> {
        let address = block.as_ptr() as usize;
        let PageUse::Block { pages } = map.get(address) else { return None };
        if !address.is_multiple_of(PAGE_BYTES) {
            return None;
        }
        map.set(address, 1, PageUse::None);
        self.pages -= pages;
        self.blocks -= 1;
        // SAFETY: the caller gives the block up; its pages came from the source in one run.
        unsafe { source.give_run(block, pages) };
        Some(pages * PAGE_BYTES)
    }
}

/// The large block that contains `address`. Its layout has the alignment that every block has at least.
pub(super) fn locate<T>(map: &PageMap<T>, address: usize) -> Location {
    let page = address & !(PAGE_BYTES - 1);
    let found = (0..=MAX_ORDER).find_map(|order| {
        // A block of up to 2^order pages is aligned to as many.
        let start = page & !((PAGE_BYTES << order) - 1);
        match map.get(start) {
            PageUse::Block { pages } if page - start < pages * PAGE_BYTES => {
                Some((start, pages * PAGE_BYTES))
            }
            _ => None,
        }
    });
    match found.map(|(start, bytes)| (start, Layout::from_size_align(bytes, BLOCK_ALIGN_BYTES))) {
        Some((start, Ok(layout))) => Location::Live { start, layout },
        _ => Location::Unknown,
    }
}

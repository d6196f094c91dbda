//! Large blocks: whole runs of pages, a power of two of them. Every backend serves them so.

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

/// The order of the run for a layout; `None` if there is no such number.
pub(super) fn order_for(layout: Layout) -> Option<u32> {
    let size_bytes = layout.size().max(layout.align());
    Some(size_bytes.div_ceil(PAGE_BYTES).checked_next_power_of_two()?.trailing_zeros())
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
        order: u32,
        map: &mut PageMap<T>,
        source: &mut impl PageSource,
    ) -> Option<NonNull<[u8]>> {
        let block = source.take(order)?;
        map.set(block.as_ptr() as usize, 1, PageUse::Block { order });
        self.pages += 1 << order;
        self.blocks += 1;
        Some(NonNull::slice_from_raw_parts(block, PAGE_BYTES << order))
    }

    /// Takes the large block that starts at `block` back and says how many bytes it took; `None` if there is none.
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
        let PageUse::Block { order } = map.get(address) else { return None };
        if !address.is_multiple_of(PAGE_BYTES) {
            return None;
        }
        map.set(address, 1, PageUse::None);
        self.pages -= 1 << order;
        self.blocks -= 1;
        // SAFETY: the caller gives the block up; it came from the source with this order.
        unsafe { source.give(block, order) };
        Some(PAGE_BYTES << order)
    }
}

/// The large block that `address` lies in: the nearest one below it that reaches so far. Of its alignment it says
/// no more than every block has.
pub(super) fn locate<T>(map: &PageMap<T>, address: usize) -> Location {
    let page = address & !(PAGE_BYTES - 1);
    let found = (0..=MAX_ORDER).find_map(|order| {
        let start = page & !((PAGE_BYTES << order) - 1);
        match map.get(start) {
            PageUse::Block { order: found } if found >= order => Some((start, PAGE_BYTES << found)),
            _ => None,
        }
    });
    match found.map(|(start, bytes)| (start, Layout::from_size_align(bytes, BLOCK_ALIGN_BYTES))) {
        Some((start, Ok(layout))) => Location::Live { start, layout },
        _ => Location::Unknown,
    }
}

//! Frames: all usable memory, in pages, by buddy heaps of bounded size.
//!
//! The crate's buddy heap looks for a freed block's neighbour by walking a free list, which is as long as
//! the heap is fragmented. So no heap here spans more than 64 blocks: memory is cut into zones of 64 pages,
//! each with a heap of its own; zones that are wholly free go up to a tier whose blocks are such zones, and
//! so on, four tiers up to 64 GiB. A free then visits at most 63 list nodes a tier, whatever else is live.
//!
//! A free frame's memory belongs to the heaps: they keep their list nodes in it.

mod tier;

use tier::{BLOCKS_LOG2, Tier};

/// Bytes in a page, as a power of two.
const PAGE_SHIFT: u32 = 12;
/// Bytes in a page.
pub const PAGE_BYTES: usize = 1 << PAGE_SHIFT;
/// The largest order: 2^23 pages are 32 GiB.
pub const MOST_ORDER: u32 = 23;
/// Orders that `/proc/buddyinfo` shows, as Linux does.
pub const SHOWN_ORDERS: usize = 11;

/// The allocator of frames. Addresses are those of the direct map.
pub struct Frames {
    pages: Tier<19>,
    chunks: Tier<25>,
    spans: Tier<31>,
    giants: Tier<37>,
    total_pages: usize,
    free_pages: usize,
}

/// A run of frames was given back that is not wholly allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAllocated;

impl Frames {
    /// An allocator without memory.
    pub const fn empty() -> Self {
        Self {
            pages: Tier::empty(PAGE_SHIFT),
            chunks: Tier::empty(PAGE_SHIFT + BLOCKS_LOG2),
            spans: Tier::empty(PAGE_SHIFT + 2 * BLOCKS_LOG2),
            giants: Tier::empty(PAGE_SHIFT + 3 * BLOCKS_LOG2),
            total_pages: 0,
            free_pages: 0,
        }
    }

    /// Bytes of metadata for memory in `[start, end)`.
    pub fn metadata_bytes(start: usize, end: usize) -> usize {
        let empty = Self::empty();
        empty.pages.metadata_bytes(start, end)
            + empty.chunks.metadata_bytes(start, end)
            + empty.spans.metadata_bytes(start, end)
            + empty.giants.metadata_bytes(start, end)
    }

    /// Prepares for memory in `[start, end)`; none of it is free yet.
    ///
    /// # Safety
    ///
    /// `metadata` has the bytes that [`Frames::metadata_bytes`] says, aligned to 64, for ever.
    pub unsafe fn init(&mut self, start: usize, end: usize, metadata: *mut u8) {
        let mut at = metadata;
        // SAFETY: the parts lie one behind the other inside the metadata.
        unsafe {
            at = self.pages.init(start, end, at);
            at = self.chunks.init(start, end, at);
            at = self.spans.init(start, end, at);
            self.giants.init(start, end, at);
        }
    }

    /// Adds free memory. `start` and `end` are page aligned.
    ///
    /// # Safety
    ///
    /// The memory lies inside the range of [`Frames::init`], is mapped and writable, nobody else's, and not
    /// next to memory added before.
    pub unsafe fn add(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let fit = (usize::BITS - 1 - (end - at).leading_zeros()).min(at.trailing_zeros());
            let order = (fit - PAGE_SHIFT).min(MOST_ORDER);
            // SAFETY: the block lies inside the memory that the caller gives.
            unsafe { self.add_block(at, order) };
            at += PAGE_BYTES << order;
            self.total_pages += 1 << order;
            self.free_pages += 1 << order;
        }
    }

    /// # Safety
    ///
    /// As for [`Frames::add`].
    unsafe fn add_block(&mut self, block: usize, order: u32) {
        // SAFETY: handed on to the caller.
        unsafe {
            match order / BLOCKS_LOG2 {
                0 => self.pages.add(block, order),
                1 => self.chunks.add(block, order - BLOCKS_LOG2),
                2 => self.spans.add(block, order - 2 * BLOCKS_LOG2),
                _ => self.giants.add(block, order - 3 * BLOCKS_LOG2),
            }
        }
    }

    /// Takes 2^`order` pages, aligned to their size.
    pub fn take(&mut self, order: u32) -> Option<usize> {
        if order > MOST_ORDER {
            return None;
        }
        let block = self.take_from_tier(order / BLOCKS_LOG2, order % BLOCKS_LOG2)?;
        self.free_pages -= 1 << order;
        Some(block)
    }

    /// Takes from a tier; an empty one gets a block from the tier above first.
    fn take_from_tier(&mut self, tier: u32, order: u32) -> Option<usize> {
        let block = match tier {
            0 => self.pages.take(order),
            1 => self.chunks.take(order),
            2 => self.spans.take(order),
            _ => return self.giants.take(order),
        };
        block.or_else(|| {
            let zone = self.take_from_tier(tier + 1, 0)?;
            // SAFETY: the tier above just gave this zone's memory up.
            unsafe {
                match tier {
                    0 => self.pages.add(zone, BLOCKS_LOG2),
                    1 => self.chunks.add(zone, BLOCKS_LOG2),
                    _ => self.spans.add(zone, BLOCKS_LOG2),
                }
            }
            match tier {
                0 => self.pages.take(order),
                1 => self.chunks.take(order),
                _ => self.spans.take(order),
            }
        })
    }

    /// Gives 2^`order` pages back.
    ///
    /// # Errors
    ///
    /// [`NotAllocated`] if a page of them is free already or was never there; nothing has changed then.
    ///
    /// # Safety
    ///
    /// Nobody uses the pages any more.
    pub unsafe fn give(&mut self, block: usize, order: u32) -> Result<(), NotAllocated> {
        if order > MOST_ORDER || !block.is_multiple_of(PAGE_BYTES << order) {
            return Err(NotAllocated);
        }
        // SAFETY: handed on to the caller; a zone that comes back empty is nobody's.
        unsafe {
            let mut tier = order / BLOCKS_LOG2;
            let mut emptied = match tier {
                0 => self.pages.give(block, order)?,
                1 => self.chunks.give(block, order - BLOCKS_LOG2)?,
                2 => self.spans.give(block, order - 2 * BLOCKS_LOG2)?,
                _ => self.giants.give(block, order - 3 * BLOCKS_LOG2)?,
            };
            while let Some(zone) = emptied {
                tier += 1;
                emptied = match tier {
                    1 => self.chunks.give(zone, 0)?,
                    2 => self.spans.give(zone, 0)?,
                    _ => self.giants.give(zone, 0)?,
                };
            }
        }
        self.free_pages += 1 << order;
        Ok(())
    }

    /// Counts pages that were kept back from the start: managed, and never free.
    pub fn count_taken(&mut self, pages: usize) {
        self.total_pages += pages;
    }

    /// Pages that were added, or counted as taken.
    pub fn total_pages(&self) -> usize {
        self.total_pages
    }

    /// Pages that are free.
    pub fn free_pages(&self) -> usize {
        self.free_pages
    }

    /// Free blocks of each order, those above the last shown one counted as several of it.
    pub fn free_blocks(&self) -> [usize; SHOWN_ORDERS] {
        let mut counts = [0; SHOWN_ORDERS];
        let mut add = |order: u32, blocks: usize| {
            let shown = order.min(SHOWN_ORDERS as u32 - 1);
            if let Some(count) = counts.get_mut(shown as usize) {
                *count += blocks << (order - shown);
            }
        };
        self.pages.for_each_free(&mut add);
        self.chunks.for_each_free(|order, blocks| add(order + BLOCKS_LOG2, blocks));
        self.spans.for_each_free(|order, blocks| add(order + 2 * BLOCKS_LOG2, blocks));
        self.giants.for_each_free(|order, blocks| add(order + 3 * BLOCKS_LOG2, blocks));
        counts
    }
}

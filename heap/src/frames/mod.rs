//! The page frame allocator: all usable memory, in pages, by buddy heaps of bounded size.
//!
//! The heap of the crate `buddy_system_allocator` finds a freed block's buddy by walking a free list, which gets longer
//! with fragmentation. So no heap here spans more than 64 blocks: memory is cut into zones of 64 pages, each with a heap
//! of its own; zones that are wholly free go up to a tier whose blocks are such zones, and so on, four tiers up to zones
//! of 64 GiB. A free then visits at most 63 list nodes per tier, whatever else is live.
//!
//! A free frame's memory belongs to the heaps: they keep their list nodes in it.
//!
//! The metadata of the zones is found by address, so it takes address space from the first page to the last; memory is
//! needed only for the parts that describe existing pages.

mod tier;
mod zones;

use core::ops::Range;
use core::ptr::NonNull;

use self::tier::Tier;

pub(crate) use self::tier::BLOCKS_LOG2;
use crate::pages::PAGE_SHIFT;
use crate::{PAGE_BYTES, PageSpan};

/// The largest order: 2^23 pages are 32 GiB.
pub const MAX_ORDER: u32 = 23;
/// Number of orders that [`Frames::free_blocks`] distinguishes, as Linux's `/proc/buddyinfo` does.
pub const SHOWN_ORDERS: usize = 11;

/// The page frame allocator. Frames are named by the addresses at which they are mapped.
pub struct Frames {
    pages: Tier<19>,
    chunks: Tier<25>,
    spans: Tier<31>,
    giants: Tier<37>,
    total_pages: usize,
    free_pages: usize,
}

/// The pages that were to be given back are not allocated, or not all of them.
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

    /// Bytes of metadata for the pages of `span`.
    pub fn metadata_bytes(span: &PageSpan) -> usize {
        let empty = Self::empty();
        empty.pages.metadata_bytes(span)
            + empty.chunks.metadata_bytes(span)
            + empty.spans.metadata_bytes(span)
            + empty.giants.metadata_bytes(span)
    }

    /// The parts of the metadata for `span` that describe `pages`, which lie inside `span`: ranges of bytes, as offsets from
    /// the start of the metadata.
    pub fn metadata_parts(span: &PageSpan, pages: &PageSpan) -> [Range<usize>; 4] {
        let empty = Self::empty();
        let mut start = 0;
        [
            (empty.pages.metadata_part(span, pages), empty.pages.metadata_bytes(span)),
            (empty.chunks.metadata_part(span, pages), empty.chunks.metadata_bytes(span)),
            (empty.spans.metadata_part(span, pages), empty.spans.metadata_bytes(span)),
            (empty.giants.metadata_part(span, pages), empty.giants.metadata_bytes(span)),
        ]
        .map(|(part, size_bytes)| {
            let part = start + part.start..start + part.end;
            start += size_bytes;
            part
        })
    }

    /// Prepares for the pages of `span`; none of them is free yet.
    ///
    /// # Safety
    ///
    /// `metadata` has [`Frames::metadata_bytes`] bytes, aligned to 64, which belong to the frames for ever. They read as
    /// zeros, and those of [`Frames::metadata_parts`] can be written for all pages that will be added.
    pub unsafe fn init(&mut self, span: &PageSpan, metadata: NonNull<u8>) {
        let mut at = metadata;
        // SAFETY: the parts follow each other inside the metadata.
        unsafe {
            at = self.pages.init(span, at);
            at = self.chunks.init(span, at);
            at = self.spans.init(span, at);
            self.giants.init(span, at);
        }
    }

    /// Adds free pages.
    ///
    /// # Safety
    ///
    /// They lie inside the span of [`Frames::init`], are mapped and writable, as is the metadata that describes them, belong
    /// to nobody else, and are not adjacent to pages added before.
    pub unsafe fn add(&mut self, span: &PageSpan) {
        let (mut at, end) = (span.start_address(), span.end_address());
        while at < end {
            let fit = (usize::BITS - 1 - (end - at).leading_zeros()).min(at.trailing_zeros());
            let order = (fit - PAGE_SHIFT).min(MAX_ORDER);
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
        // SAFETY: upheld by the caller.
        unsafe {
            match order / BLOCKS_LOG2 {
                0 => self.pages.add(block, order),
                1 => self.chunks.add(block, order - BLOCKS_LOG2),
                2 => self.spans.add(block, order - 2 * BLOCKS_LOG2),
                _ => self.giants.add(block, order - 3 * BLOCKS_LOG2),
            }
        }
    }

    /// Allocates 2^`order` pages, aligned to their size; `None` if there is no such block.
    pub fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        if order > MAX_ORDER {
            return None;
        }
        let block = self.take_from_tier(order / BLOCKS_LOG2, order % BLOCKS_LOG2)?;
        self.free_pages -= 1 << order;
        NonNull::new(block as *mut u8)
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
            // SAFETY: the tier above has just handed out this zone's memory.
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

    /// Frees 2^`order` pages.
    ///
    /// # Errors
    ///
    /// [`NotAllocated`] if one of the pages is free already or was never added; nothing has changed then.
    ///
    /// # Safety
    ///
    /// Nobody uses the pages any more. When a part of an allocation is freed for the first time, nobody uses the rest of it
    /// at that moment either.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the fast path: a call would save registers again")]
    pub unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) -> Result<(), NotAllocated> {
        let block = pages.as_ptr() as usize;
        if order > MAX_ORDER || !block.is_multiple_of(PAGE_BYTES << order) {
            return Err(NotAllocated);
        }
        // SAFETY: upheld by the caller; a zone that comes back empty is nobody's.
        unsafe {
            let mut tier = order / BLOCKS_LOG2;
            // A loop, not a second call of `give_to_tier`: with two calls it was not inlined, which cost ten instructions.
            let mut is_split = false;
            let mut emptied = loop {
                match self.give_to_tier(block, order) {
                    Ok(emptied) => break emptied,
                    Err(NotAllocated) if is_split => return Err(NotAllocated),
                    // It may be a part of a block that a tier above has handed out.
                    Err(NotAllocated) => self.split_above(block, tier),
                }
                is_split = true;
            };
            while let Some(zone) = emptied {
                tier += 1;
                emptied = match tier {
                    1 => self.chunks.give_by_call(zone, 0)?,
                    2 => self.spans.give_by_call(zone, 0)?,
                    _ => self.giants.give_by_call(zone, 0)?,
                };
            }
        }
        self.free_pages += 1 << order;
        Ok(())
    }

    /// # Safety
    ///
    /// As for [`Frames::give`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    unsafe fn give_to_tier(&mut self, block: usize, order: u32) -> Result<Option<usize>, NotAllocated> {
        // SAFETY: upheld by the caller.
        unsafe {
            match order / BLOCKS_LOG2 {
                0 => self.pages.give(block, order),
                1 => self.chunks.give_by_call(block, order - BLOCKS_LOG2),
                2 => self.spans.give_by_call(block, order - 2 * BLOCKS_LOG2),
                _ => self.giants.give_by_call(block, order - 3 * BLOCKS_LOG2),
            }
        }
    }

    /// If a tier above has handed out the zone of `block` as one block, passes the zone to this tier, all of it handed out,
    /// so that a part of it can be freed.
    ///
    /// # Safety
    ///
    /// Nobody uses a block that is split.
    #[cold]
    unsafe fn split_above(&mut self, block: usize, tier: u32) {
        let is_own = match tier {
            0 => self.pages.has(block),
            1 => self.chunks.has(block),
            2 => self.spans.has(block),
            _ => true,
        };
        if is_own {
            return;
        }
        // SAFETY: upheld by the caller; what the tier above has handed out is the caller's.
        unsafe {
            self.split_above(block, tier + 1);
            match tier {
                0 if self.chunks.has_handed_out(block) => self.pages.take_over(block),
                1 if self.spans.has_handed_out(block) => self.chunks.take_over(block),
                2 if self.giants.has_handed_out(block) => self.spans.take_over(block),
                _ => {}
            }
        }
    }

    /// Counts pages that were taken before there were frames: they are managed, and never free.
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

    /// The number of free blocks of each order. A block of a higher order counts as several of the highest order shown.
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

//! One tier of zones: each zone is a buddy heap over at most 64 blocks.

use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;

use buddy_system_allocator::Heap;

use super::NotAllocated;
use super::zones::{ZeroIsEmpty, Zones};
use crate::PageSpan;

/// Blocks per zone, as a power of two: as many as a word has bits.
pub(crate) const BLOCKS_LOG2: u32 = 6;
/// Lists of zones: one for each order, and list 0, which stays empty and stands for zones without free blocks.
const LISTS: usize = BLOCKS_LOG2 as usize + 2;
const ALL: u64 = u64::MAX;
const NOBODY: u32 = u32::MAX;

/// A zone: the heap over its memory, and which of its blocks are free.
///
/// The heap merges whenever it can, so its free blocks are the largest aligned runs of free bits, and the word of a zone
/// tells which orders it has.
struct Zone<const ORDER: usize> {
    heap: Heap<ORDER>,
    /// Bit i is set while block i is free.
    free: u64,
    /// Whether the zone's memory belongs to this tier, and is not a free or used block of the tier above.
    is_held: bool,
    /// Neighbours on its list; meaningless while it is on none.
    next: u32,
    previous: u32,
    /// The list that the zone is on: one more than the largest order that is free, and 0 for none.
    list: u8,
}

// SAFETY: a heap is raw pointers and counts, and the rest are numbers and a flag: zeros are a valid value of each. Such a
// zone is not held, has no free block and is on no list; its heap is replaced before it is used.
unsafe impl<const ORDER: usize> ZeroIsEmpty for Zone<ORDER> {}

/// The zones of one block size. `ORDER` is one more than the power of two of a zone's bytes.
pub(super) struct Tier<const ORDER: usize> {
    block_shift: u32,
    /// Address of zone 0.
    base: usize,
    zones: Zones<Zone<ORDER>>,
    /// The first zone of each list: zones by the largest order that is free in them.
    heads: [u32; LISTS],
}

impl<const ORDER: usize> Tier<ORDER> {
    pub(super) const fn empty(block_shift: u32) -> Self {
        assert!(ORDER == (block_shift + BLOCKS_LOG2) as usize + 1);
        Self { block_shift, base: 0, zones: Zones::empty(), heads: [NOBODY; LISTS] }
    }

    const fn zone_bytes(&self) -> usize {
        1 << (self.block_shift + BLOCKS_LOG2)
    }

    /// The address of the zone that the first of these pages lies in.
    fn base_for(&self, span: &PageSpan) -> usize {
        span.start_address() & !(self.zone_bytes() - 1)
    }

    /// Number of zones from there to the last of these pages.
    fn zone_count(&self, span: &PageSpan) -> usize {
        (span.end_address() - self.base_for(span)).div_ceil(self.zone_bytes())
    }

    pub(super) fn metadata_bytes(&self, span: &PageSpan) -> usize {
        (self.zone_count(span) * size_of::<Zone<ORDER>>()).next_multiple_of(64)
    }

    /// The part of the metadata for `span` in which the zones of `pages` lie.
    pub(super) fn metadata_part(&self, span: &PageSpan, pages: &PageSpan) -> Range<usize> {
        let first = (self.base_for(pages) - self.base_for(span)) / self.zone_bytes();
        let zone_bytes = size_of::<Zone<ORDER>>();
        first * zone_bytes..(first + self.zone_count(pages)) * zone_bytes
    }

    /// Sets up the zones for these pages, and returns where their metadata ends.
    ///
    /// # Safety
    ///
    /// As for [`super::Frames::init`], with the bytes of [`Tier::metadata_bytes`].
    pub(super) unsafe fn init(&mut self, span: &PageSpan, metadata: NonNull<u8>) -> NonNull<u8> {
        self.base = self.base_for(span);
        // SAFETY: upheld by the caller; the end of this tier's part of the metadata lies inside it or at its end.
        unsafe {
            self.zones = Zones::new(metadata, self.zone_count(span));
            metadata.add(self.metadata_bytes(span))
        }
    }

    /// The number of the block's zone, and the bits of 2^`order` blocks from there on in its word.
    fn place(&self, block: usize, order: u32) -> (u32, u64) {
        let offset = block.wrapping_sub(self.base);
        let number = offset >> (self.block_shift + BLOCKS_LOG2);
        let first = (offset >> self.block_shift) % (1 << BLOCKS_LOG2);
        let bits = if order == BLOCKS_LOG2 { ALL } else { ((1 << (1_u32 << order)) - 1) << first };
        (u32::try_from(number).unwrap_or(NOBODY), bits)
    }

    fn layout(&self, order: u32) -> Option<Layout> {
        let size_bytes = 1_usize << (self.block_shift + order);
        Layout::from_size_align(size_bytes, size_bytes).ok()
    }

    /// Adds 2^`order` free blocks.
    ///
    /// # Safety
    ///
    /// Their memory is writable and belongs to nobody else. They form no larger block with blocks that are free already.
    pub(super) unsafe fn add(&mut self, block: usize, order: u32) {
        let (number, bits) = self.place(block, order);
        let size_bytes = 1_usize << (self.block_shift + order);
        let Some(zone) = self.zones.get(number) else { return };
        if !zone.is_held {
            zone.heap = Heap::new();
        }
        // SAFETY: upheld by the caller.
        unsafe { zone.heap.add_to_heap(block, block + size_bytes) };
        zone.free |= bits;
        zone.is_held = true;
        self.relist(number);
    }

    /// Allocates 2^`order` blocks from a zone whose largest free order is the smallest that is enough.
    pub(super) fn take(&mut self, order: u32) -> Option<usize> {
        let layout = self.layout(order)?;
        let number = *self.heads.iter().skip(order as usize + 1).find(|head| **head != NOBODY)?;
        let block = self.zones.get(number)?.heap.alloc(layout).ok()?.as_ptr() as usize;
        let (_, bits) = self.place(block, order);
        self.zones.get(number)?.free &= !bits;
        self.relist(number);
        Some(block)
    }

    /// Whether the zone of a block belongs to this tier.
    pub(super) fn has(&mut self, block: usize) -> bool {
        let (number, _) = self.place(block, 0);
        self.zones.get(number).is_some_and(|zone| zone.is_held)
    }

    /// Whether this tier has handed out the block.
    pub(super) fn has_handed_out(&mut self, block: usize) -> bool {
        let (number, bits) = self.place(block, 0);
        self.zones.get(number).is_some_and(|zone| zone.is_held && zone.free & bits == 0)
    }

    /// Takes over the zone of a block, with all its blocks handed out.
    ///
    /// # Safety
    ///
    /// The tier above has handed the zone out, and nobody uses its memory.
    pub(super) unsafe fn take_over(&mut self, block: usize) {
        let start = block & !(self.zone_bytes() - 1);
        // SAFETY: upheld by the caller.
        unsafe { self.add(start, BLOCKS_LOG2) };
        let (number, _) = self.place(block, 0);
        if let Some((zone, whole)) =
            self.zones.get(number).zip(Layout::from_size_align(1 << (ORDER - 1), 1 << (ORDER - 1)).ok())
        {
            let taken = zone.heap.alloc(whole);
            debug_assert!(taken.is_ok(), "the zone is free as a whole");
            zone.free = 0;
            self.relist(number);
        }
    }

    /// Frees 2^`order` blocks. A zone that is wholly free then leaves this tier: its address is returned.
    ///
    /// # Errors
    ///
    /// [`NotAllocated`] if one of them is free already, or the zone does not belong to this tier; nothing has changed then.
    ///
    /// # Safety
    ///
    /// Nobody uses the blocks any more.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the fast path of freeing a page")]
    pub(super) unsafe fn give(&mut self, block: usize, order: u32) -> Result<Option<usize>, NotAllocated> {
        let (number, bits) = self.place(block, order);
        let (layout, whole) = self.layout(order).zip(self.layout(BLOCKS_LOG2)).ok_or(NotAllocated)?;
        let zone = self.zones.get(number).ok_or(NotAllocated)?;
        let pointer = NonNull::new(block as *mut u8).ok_or(NotAllocated)?;
        if !zone.is_held || zone.free & bits != 0 {
            return Err(NotAllocated);
        }
        // SAFETY: none of the blocks is free, so they were handed out; the caller gives them up.
        unsafe { zone.heap.dealloc(pointer, layout) };
        zone.free |= bits;
        if zone.free != ALL || ORDER == 37 {
            self.relist(number);
            return Ok(None);
        }
        let emptied = zone.heap.alloc(whole).ok().map(|zone| zone.as_ptr() as usize);
        zone.free = 0;
        zone.is_held = false;
        self.relist(number);
        Ok(emptied)
    }

    /// As [`Tier::give`], not inlined: for all but the fast path.
    ///
    /// # Safety
    ///
    /// As for [`Tier::give`].
    #[inline(never)]
    pub(super) unsafe fn give_by_call(
        &mut self,
        block: usize,
        order: u32,
    ) -> Result<Option<usize>, NotAllocated> {
        // SAFETY: upheld by the caller.
        unsafe { self.give(block, order) }
    }

    /// Moves a zone to the list for its largest free order.
    fn relist(&mut self, number: u32) {
        let Some(zone) = self.zones.get(number) else { return };
        let wanted = list_for(zone.free);
        if wanted == zone.list {
            return;
        }
        let (next, previous, old) = (zone.next, zone.previous, zone.list);
        zone.list = wanted;
        zone.previous = NOBODY;
        if old != 0 {
            match self.zones.get(previous) {
                Some(previous) => previous.next = next,
                None => self.heads[usize::from(old)] = next,
            }
            if let Some(next) = self.zones.get(next) {
                next.previous = previous;
            }
        }
        if wanted == 0 {
            return;
        }
        let head = core::mem::replace(&mut self.heads[usize::from(wanted)], number);
        if let Some(head) = self.zones.get(head) {
            head.previous = number;
        }
        if let Some(zone) = self.zones.get(number) {
            zone.next = head;
        }
    }

    /// Calls `visit` for each zone with free blocks, with each order and the number of free blocks of that order.
    pub(super) fn for_each_free(&self, mut visit: impl FnMut(u32, usize)) {
        for head in self.heads {
            let mut number = head;
            while let Some(zone) = self.zones.peek(number) {
                let mut runs = zone.free;
                for order in 0..=BLOCKS_LOG2 {
                    let longer = joined(runs, order);
                    let in_longer = longer.count_ones() * 2;
                    visit(order, (runs.count_ones() - in_longer) as usize);
                    runs = longer;
                }
                number = zone.next;
            }
        }
    }
}

/// From the starts of the aligned free runs of 2^`order` blocks to those of twice the length.
fn joined(runs: u64, order: u32) -> u64 {
    /// Multiples of 2, 4, 8, 16, 32, 64.
    const STARTS: [u64; BLOCKS_LOG2 as usize] = [
        0x5555_5555_5555_5555,
        0x1111_1111_1111_1111,
        0x0101_0101_0101_0101,
        0x0001_0001_0001_0001,
        0x0000_0001_0000_0001,
        1,
    ];
    STARTS.get(order as usize).map_or(0, |starts| runs & (runs >> (1_u32 << order)) & starts)
}

/// The list for a zone with these free blocks: one more than the largest order of an aligned run of them.
fn list_for(free: u64) -> u8 {
    let mut runs = free;
    (1..=BLOCKS_LOG2 as u8 + 1)
        .take_while(|list| {
            let is_there = runs != 0;
            runs = joined(runs, u32::from(*list) - 1);
            is_there
        })
        .last()
        .unwrap_or(0)
}

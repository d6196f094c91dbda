//! One tier of zones: each zone is a buddy heap over at most 64 blocks.

use core::alloc::Layout;
use core::ptr::NonNull;

use buddy_system_allocator::Heap;

use super::NotAllocated;
use super::zones::Zones;
use crate::PageSpan;

/// Blocks a zone, as a power of two: as many as a word has bits.
pub(super) const BLOCKS_LOG2: u32 = 6;
const LISTS: usize = BLOCKS_LOG2 as usize + 1;
const ALL: u64 = u64::MAX;
const NOBODY: u32 = u32::MAX;

/// A zone: the heap over its memory, and which of its blocks are free.
///
/// The heap merges whenever it can, so its free blocks are the largest aligned runs of free bits: what can
/// be had from a zone is read off its word.
struct Zone<const ORDER: usize> {
    heap: Heap<ORDER>,
    /// Bit i is set while block i is free.
    free: u64,
    /// Whether the zone's memory is this tier's, and not a free or used block of the tier above.
    is_held: bool,
    next: u32,
    previous: u32,
    /// On which list: the largest order that is free; `None` while nothing is.
    list: Option<u8>,
}

impl<const ORDER: usize> Zone<ORDER> {
    fn empty() -> Self {
        Self { heap: Heap::new(), free: 0, is_held: false, next: NOBODY, previous: NOBODY, list: None }
    }
}

/// The zones of one block size. `ORDER` is one more than the power of two of a zone's bytes.
pub(super) struct Tier<const ORDER: usize> {
    block_shift: u32,
    /// Address of zone 0.
    base: usize,
    zones: Zones<Zone<ORDER>>,
    /// Zones by the largest order that is free in them.
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

    /// Where the zones for these pages start, and how many there are.
    fn zones_for(&self, span: &PageSpan) -> (usize, usize) {
        let base = span.start_address() & !(self.zone_bytes() - 1);
        (base, (span.end_address() - base).div_ceil(self.zone_bytes()))
    }

    pub(super) fn metadata_bytes(&self, span: &PageSpan) -> usize {
        (self.zones_for(span).1 * size_of::<Zone<ORDER>>()).next_multiple_of(64)
    }

    /// Writes the zones for these pages, all without free blocks, and returns where they end.
    ///
    /// # Safety
    ///
    /// `metadata` has the bytes of [`Tier::metadata_bytes`], aligned to 64, for ever.
    pub(super) unsafe fn init(&mut self, span: &PageSpan, metadata: NonNull<u8>) -> NonNull<u8> {
        let (base, count) = self.zones_for(span);
        self.base = base;
        // SAFETY: handed on to the caller; the end of this tier's part of the metadata lies inside or just behind it.
        unsafe {
            self.zones = Zones::new(metadata, count, Zone::empty);
            metadata.add(self.metadata_bytes(span))
        }
    }

    /// The zone of a block, and the bits that 2^`order` blocks from there on have in its word.
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
    /// Their memory is writable and nobody else's, and does not complete a larger run with blocks that are
    /// free already.
    pub(super) unsafe fn add(&mut self, block: usize, order: u32) {
        let (number, bits) = self.place(block, order);
        let size_bytes = 1_usize << (self.block_shift + order);
        let Some(zone) = self.zones.get(number) else { return };
        // SAFETY: handed on to the caller.
        unsafe { zone.heap.add_to_heap(block, block + size_bytes) };
        zone.free |= bits;
        zone.is_held = true;
        self.relist(number);
    }

    /// Takes 2^`order` blocks from the zone that has the least to spare.
    pub(super) fn take(&mut self, order: u32) -> Option<usize> {
        let layout = self.layout(order)?;
        let number = *self.heads.iter().skip(order as usize).find(|head| **head != NOBODY)?;
        let block = self.zones.get(number)?.heap.alloc(layout).ok()?.as_ptr() as usize;
        let (_, bits) = self.place(block, order);
        self.zones.get(number)?.free &= !bits;
        self.relist(number);
        Some(block)
    }

    /// Gives 2^`order` blocks back. A zone that is wholly free then leaves this tier: its address is
    /// returned.
    ///
    /// # Safety
    ///
    /// Nobody uses the blocks any more.
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
        zone.heap = Heap::new();
        zone.free = 0;
        zone.is_held = false;
        self.relist(number);
        Ok(emptied)
    }

    /// Puts a zone on the list that its free blocks call for.
    fn relist(&mut self, number: u32) {
        let Some(zone) = self.zones.get(number) else { return };
        let wanted = largest_order(zone.free);
        if wanted == zone.list {
            return;
        }
        let (next, previous, old) = (zone.next, zone.previous, zone.list);
        zone.list = wanted;
        zone.previous = NOBODY;
        if let Some(list) = old {
            match self.zones.get(previous) {
                Some(previous) => previous.next = next,
                None => self.heads[usize::from(list)] = next,
            }
            if let Some(next) = self.zones.get(next) {
                next.previous = previous;
            }
        }
        let Some(list) = wanted else { return };
        let head = core::mem::replace(&mut self.heads[usize::from(list)], number);
        if let Some(head) = self.zones.get(head) {
            head.previous = number;
        }
        if let Some(zone) = self.zones.get(number) {
            zone.next = head;
        }
    }

    /// Hands `visit` each order with how many blocks of it a zone has free.
    pub(super) fn for_each_free(&self, mut visit: impl FnMut(u32, usize)) {
        for zone in self.zones.iter() {
            let mut runs = zone.free;
            for order in 0..=BLOCKS_LOG2 {
                let longer = joined(runs, order);
                let in_longer = longer.count_ones() * 2;
                visit(order, (runs.count_ones() - in_longer) as usize);
                runs = longer;
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

/// The largest order of an aligned run of free blocks.
fn largest_order(free: u64) -> Option<u8> {
    let mut runs = free;
    (0..=BLOCKS_LOG2 as u8)
        .take_while(|order| {
            let is_there = runs != 0;
            runs = joined(runs, u32::from(*order));
            is_there
        })
        .last()
}

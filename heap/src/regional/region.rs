//! A region: a run of pages that a crate's allocator cuts into blocks, and a record of its live blocks.
//!
//! These allocators need the layout of a block to free it, and do not check it. So the region itself records where each
//! live block starts and ends, in three bits per 16 bytes: a free needs only the pointer, and a bad free never reaches
//! the allocator.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::region_heap::RegionHeap;
use crate::PAGE_BYTES;

/// Blocks start and end at multiples of this.
pub(super) const GRANULE_BYTES: usize = 16;
/// The alignment that stands for all above [`GRANULE_BYTES`]: an allocator that treats larger ones differently does so for
/// this one, too.
const WIDE_ALIGN_BYTES: usize = 2 * GRANULE_BYTES;

/// The marks of 64 granules.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// Bit i is set where a block starts...
    first: u64,
    /// ...and where one ends.
    last: u64,
    /// Bit i is set where a block starts whose requested alignment is more than a granule.
    is_wide: u64,
}

/// The head of a region, at its start. The marks follow, then the memory for blocks.
#[derive(Debug)]
pub(super) struct Region<H> {
    heap: H,
    order: u32,
    marks: NonNull<Marks>,
    pub(super) live_blocks: usize,
    /// The least number of bytes, padding for the alignment included, for which an allocation has failed since the last
    /// free.
    fails_at_bytes: usize,
    pub(super) next: NonNull<Region<H>>,
    pub(super) previous: NonNull<Region<H>>,
}

/// Offset of the memory for blocks from a region's start.
fn memory_offset<H>(order: u32) -> usize {
    let marks = (PAGE_BYTES << order) / (GRANULE_BYTES * 64);
    (size_of::<Region<H>>() + marks * size_of::<Marks>()).next_multiple_of(GRANULE_BYTES)
}

/// The size of a block that a fresh region of this order can surely serve, in bytes, its alignment included.
pub(super) fn capacity_bytes<H: RegionHeap>(order: u32) -> usize {
    H::capacity_bytes((PAGE_BYTES << order).saturating_sub(memory_offset::<H>(order)))
}

impl<H: RegionHeap> Region<H> {
    /// Makes a region of 2^`order` pages.
    ///
    /// # Safety
    ///
    /// The pages belong to the region as long as it lives, and are enough for its head.
    pub(super) unsafe fn create(pages: NonNull<u8>, order: u32) -> NonNull<Self> {
        let size_bytes = PAGE_BYTES << order;
        let memory_offset = memory_offset::<H>(order);
        let region = pages.cast::<Self>();
        // SAFETY: head, marks and memory follow each other in the pages.
        unsafe {
            let marks = pages.add(size_of::<Self>()).cast::<Marks>();
            for number in 0..size_bytes / (GRANULE_BYTES * 64) {
                marks.add(number).write(Marks::default());
            }
            region.write(Self {
                heap: H::EMPTY,
                order,
                marks,
                live_blocks: 0,
                fails_at_bytes: usize::MAX,
                next: region,
                previous: region,
            });
            // The heap stays where it is from now on.
            let heap = &mut (*region.as_ptr()).heap;
            heap.add_memory(pages.add(memory_offset).as_ptr(), size_bytes - memory_offset);
        }
        region
    }

    /// Pages that the region has, as a power of two.
    pub(super) fn order(&self) -> u32 {
        self.order
    }

    /// Whether an allocation of this many bytes may succeed.
    pub(super) fn may_have(&self, size_bytes: usize) -> bool {
        size_bytes < self.fails_at_bytes
    }

    fn start(&self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    fn marks(&mut self, granule: usize) -> &mut Marks {
        debug_assert!(granule / 64 < (PAGE_BYTES << self.order) / (GRANULE_BYTES * 64));
        // SAFETY: granules of the region only; `&mut self` makes the reference the only one.
        unsafe { self.marks.add(granule / 64).as_mut() }
    }

    fn marks_at(&self, granule: usize) -> Marks {
        debug_assert!(granule / 64 < (PAGE_BYTES << self.order) / (GRANULE_BYTES * 64));
        // SAFETY: as in `marks`; `&self` keeps them from changing.
        unsafe { self.marks.add(granule / 64).read() }
    }

    /// Allocates a block; the layout's size is one that [`RegionHeap::rounded_bytes`] returned.
    pub(super) fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let Some(block) = self.heap.allocate(layout) else {
            // A free range of this many bytes would have been enough at any address.
            let padding_bytes = if layout.align() > GRANULE_BYTES { layout.align() } else { 0 };
            self.fails_at_bytes = self.fails_at_bytes.min(layout.size() + padding_bytes);
            return None;
        };
        let first = (block.as_ptr() as usize - self.start()) / GRANULE_BYTES;
        let last = first + layout.size() / GRANULE_BYTES - 1;
        let marks = self.marks(first);
        marks.first |= 1 << (first % 64);
        if layout.align() > GRANULE_BYTES {
            marks.is_wide |= 1 << (first % 64);
        }
        self.marks(last).last |= 1 << (last % 64);
        self.live_blocks += 1;
        Some(block)
    }

    /// A layout to free the live block at `address` with; `None` if none starts there.
    pub(super) fn layout(&self, address: usize) -> Option<Layout> {
        let offset = address.wrapping_sub(self.start());
        let first = offset / GRANULE_BYTES;
        if !offset.is_multiple_of(GRANULE_BYTES) || self.marks_at(first).first >> (first % 64) & 1 == 0 {
            return None;
        }
        let is_wide = self.marks_at(first).is_wide >> (first % 64) & 1 != 0;
        let align_bytes = if is_wide { WIDE_ALIGN_BYTES } else { GRANULE_BYTES };
        Layout::from_size_align((self.last(first) - first + 1) * GRANULE_BYTES, align_bytes).ok()
    }

    /// The last granule of the block whose first is `first`.
    fn last(&self, first: usize) -> usize {
        let mut granule = first;
        let mut bits = self.marks_at(granule).last >> (granule % 64) << (granule % 64);
        // Every block has an end.
        while bits == 0 {
            granule = (granule / 64 + 1) * 64;
            bits = self.marks_at(granule).last;
        }
        granule / 64 * 64 + bits.trailing_zeros() as usize
    }

    /// The start of the live block that contains `address`.
    pub(super) fn start_of(&self, address: usize) -> Option<usize> {
        let granule = address.wrapping_sub(self.start()) / GRANULE_BYTES;
        let mut word = granule / 64;
        let mut bits = self.marks_at(granule).first << (63 - granule % 64) >> (63 - granule % 64);
        while bits == 0 {
            word = word.checked_sub(1)?;
            bits = self.marks_at(word * 64).first;
        }
        let first = word * 64 + bits.ilog2() as usize;
        (self.last(first) >= granule).then(|| self.start() + first * GRANULE_BYTES)
    }

    /// Frees the block at `block`, and returns how many bytes it took; `None` if no live block starts there.
    ///
    /// # Safety
    ///
    /// Nobody uses a live block that starts there any more.
    pub(super) unsafe fn deallocate(&mut self, block: NonNull<u8>) -> Option<usize> {
        let layout = self.layout(block.as_ptr() as usize)?;
        let first = (block.as_ptr() as usize - self.start()) / GRANULE_BYTES;
        let last = first + layout.size() / GRANULE_BYTES - 1;
        let marks = self.marks(first);
        marks.first &= !(1 << (first % 64));
        marks.is_wide &= !(1 << (first % 64));
        self.marks(last).last &= !(1 << (last % 64));
        // SAFETY: a live block of this heap with this layout, given up by the caller.
        unsafe { self.heap.deallocate(block, layout) };
        self.live_blocks -= 1;
        self.fails_at_bytes = usize::MAX;
        Some(layout.size())
    }
}

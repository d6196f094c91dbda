//! A heap made of regions, each with an allocator from a crate: what `buddy`, `talc`, `tlsf` and `linked-list` share.
//!
//! Regions are linked in a ring. An allocation tries the region that served the last one, then the next few, then a new
//! region; an empty region is given back, except for the last. So the work in a region is bounded by the region's size,
//! and a heap whose blocks are all freed keeps one region at most. Large blocks are runs of pages.

pub(crate) mod buddy;
pub(crate) mod linked_list;
mod region;
mod region_heap;
pub(crate) mod talc;
pub(crate) mod tlsf;

use core::alloc::Layout;
use core::ptr::NonNull;

use memstat::{Backend, Live, Location};

use self::region::{GRANULE_BYTES, Region, capacity_bytes};
use self::region_heap::RegionHeap;
use crate::PAGE_BYTES;
use crate::PageSource;
use crate::page_map::{PageMap, PageUse, PageWords};
use crate::runs::{self, Run, Runs};

/// Orders of new regions, the preferred one first. Where memory is short, a smaller one is better than none.
const REGION_ORDERS: [u32; 4] = [8, 6, 4, 3];
/// Larger blocks are runs of pages.
const MAX_BLOCK_BYTES: usize = 128 << 10;
/// Regions that an allocation tries before it adds a new one.
const MAX_TRIED_REGIONS: usize = 8;

/// The heap.
#[derive(Debug)]
pub(crate) struct Regional<H, S> {
    /// The region that served the last allocation.
    current: Option<NonNull<Region<H>>>,
    map: PageMap<Region<H>>,
    source: S,
    runs: Runs,
    region_pages: usize,
    live: Live,
}

// SAFETY: everything behind the pointers belongs to this heap alone.
unsafe impl<H, S: Send> Send for Regional<H, S> {}

impl<H: RegionHeap, S: PageSource> Regional<H, S> {
    /// An empty heap over `source`. `words` cover every page that the source may give.
    pub(crate) fn new(source: S, words: PageWords) -> Self {
        Self {
            current: None,
            map: PageMap::new(words),
            source,
            runs: Runs::default(),
            region_pages: 0,
            live: Live::default(),
        }
    }

    /// Pages in regions.
    pub(crate) fn shared_pages(&self) -> usize {
        self.region_pages
    }

    /// Pages in blocks too large for a region.
    pub(crate) fn large_pages(&self) -> usize {
        self.runs.pages()
    }

    /// Where the pages come from.
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    /// The layout of the block in a region that serves this layout; `None` if a run of pages serves it.
    fn region_layout(layout: Layout) -> Option<Layout> {
        if layout.size().max(layout.align()) > MAX_BLOCK_BYTES || layout.align() > PAGE_BYTES {
            return None;
        }
        let align_bytes = layout.align().max(GRANULE_BYTES);
        let layout = Layout::from_size_align(layout.size(), align_bytes).ok()?;
        let rounded_bytes = H::rounded_bytes(layout)?;
        // Where rounding would waste more than a page, a run of pages wastes less.
        if rounded_bytes > layout.size().max(align_bytes).next_multiple_of(PAGE_BYTES) + PAGE_BYTES {
            return None;
        }
        Layout::from_size_align(rounded_bytes, align_bytes).ok()
    }

    /// Tries at most `max_regions` regions, the current one first.
    fn try_regions(&mut self, layout: Layout, max_regions: usize) -> Option<NonNull<u8>> {
        let first = self.current?;
        let mut at = first;
        for _ in 0..max_regions {
            // SAFETY: regions in the ring are live; nobody else refers to them.
            let region = unsafe { at.as_mut() };
            if region.may_have(layout.size())
                && let Some(block) = region.allocate(layout)
            {
                self.current = Some(at);
                return Some(block);
            }
            at = region.next;
            if at == first {
                return None;
            }
        }
        None
    }

    /// Adds a new region that has room for the layout, and makes it the current one.
    fn add_region(&mut self, layout: Layout) -> Option<()> {
        let wanted_bytes = layout.size() + if layout.align() > GRANULE_BYTES { layout.align() } else { 0 };
        let orders = REGION_ORDERS.iter().filter(|order| capacity_bytes::<H>(**order) >= wanted_bytes);
        let (pages, order) = orders.copied().find_map(|order| Some((self.source.take(order)?, order)))?;
        // SAFETY: fresh pages; each of the orders above is large enough for the head.
        let mut region = unsafe { Region::create(pages, order) };
        self.map.set(pages.as_ptr() as usize, 1 << order, PageUse::Part(region));
        self.region_pages += 1 << order;
        let before = self.current.replace(region);
        if let Some(mut current) = before {
            // SAFETY: live regions in the ring, which nobody else refers to; they may be one and the same.
            unsafe {
                let mut next = current.as_ref().next;
                region.as_mut().next = next;
                region.as_mut().previous = current;
                next.as_mut().previous = region;
                current.as_mut().next = region;
            }
            // The region before may be empty: it was kept as the only one, and was too small for this layout.
            // SAFETY: as above.
            if unsafe { current.as_ref() }.live_blocks == 0 {
                self.remove_region(current);
            }
        }
        Some(())
    }

    /// Gives the only region back if it is empty; returns whether it was.
    fn trim_region(&mut self) -> bool {
        // SAFETY: regions in the ring are live. An empty region is the only one: others are given back at once.
        let region = self.current.filter(|region| unsafe { region.as_ref() }.live_blocks == 0);
        region.map(|region| self.remove_region(region)).is_some()
    }

    /// Gives a region without live blocks back.
    fn remove_region(&mut self, region: NonNull<Region<H>>) {
        // SAFETY: regions in the ring are live; nobody else refers to them.
        let (mut next, mut previous, order) = unsafe {
            let region = region.as_ref();
            (region.next, region.previous, region.order())
        };
        // SAFETY: as above; both may be one and the same.
        unsafe {
            next.as_mut().previous = previous;
            previous.as_mut().next = next;
        }
        if self.current == Some(region) {
            self.current = (next != region).then_some(next);
        }
        let pages = region.cast::<u8>();
        self.map.set(pages.as_ptr() as usize, 1 << order, PageUse::None);
        self.region_pages -= 1 << order;
        // SAFETY: out of the ring and the map, and without live blocks.
        unsafe { self.source.give(pages, order) };
    }
}

// SAFETY: blocks of a region are its allocator's, which keeps the contract; other blocks are runs of pages from
// the source, whose contract is the same.
unsafe impl<H: RegionHeap, S: PageSource> Backend for Regional<H, S> {
    const KNOWS_LIVE: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        if let Some(layout) = Self::region_layout(layout) {
            let mut block = self.try_regions(layout, MAX_TRIED_REGIONS);
            if block.is_none() {
                let max_regions = if self.add_region(layout).is_some() { 1 } else { usize::MAX };
                block = self.try_regions(layout, max_regions);
            }
            if let Some(block) = block {
                self.live.blocks += 1;
                self.live.bytes += layout.size() as u64;
                return Some(NonNull::slice_from_raw_parts(block, layout.size()));
            }
        }
        let run = Run::of(layout)?;
        let block = self.runs.allocate(run, &mut self.map, &mut self.source);
        if block.is_some() || !self.trim_region() {
            return block;
        }
        // The pages of the empty region may be those that are needed.
        self.runs.allocate(run, &mut self.map, &mut self.source)
    }

    /// [`Heap`](crate::Heap) takes none from the fast path but the slab.
    fn has_fast_path(&self) -> bool {
        false
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, _layout: Layout) -> usize {
        // SAFETY: upheld by the caller. The pointer alone identifies the block.
        let taken_bytes = unsafe { self.deallocate_unsized(block) };
        debug_assert!(taken_bytes.is_some(), "only live blocks are given back");
        taken_bytes.unwrap_or(0)
    }

    unsafe fn deallocate_unsized(&mut self, block: NonNull<u8>) -> Option<usize> {
        let Some(mut region) = self.map.part(block.as_ptr() as usize) else {
            // SAFETY: upheld by the caller.
            return unsafe { self.runs.deallocate(block, &mut self.map, &mut self.source) };
        };
        // SAFETY: the map names live regions only, which nobody else refers to. The caller gives the block up.
        let (taken_bytes, is_empty, is_only) = unsafe {
            let head = region.as_mut();
            (head.deallocate(block)?, head.live_blocks == 0, head.next == region)
        };
        self.live.blocks -= 1;
        self.live.bytes -= taken_bytes as u64;
        if is_empty && !is_only {
            self.remove_region(region);
        }
        Some(taken_bytes)
    }

    fn live(&self) -> Option<Live> {
        let runs = self.runs.live();
        Some(Live { blocks: self.live.blocks + runs.blocks, bytes: self.live.bytes + runs.bytes })
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        match Self::region_layout(layout) {
            Some(layout) => layout.size(),
            None => Run::of(layout).map_or(layout.size(), Run::size_bytes),
        }
    }

    fn taken_size_bytes(&self, block: NonNull<u8>, layout: Layout) -> usize {
        // A small block is a run of pages, too, where no region had room for it.
        match self.map.get(block.as_ptr() as usize) {
            PageUse::Block { pages } => pages * PAGE_BYTES,
            _ => self.usable_size_bytes(layout),
        }
    }

    fn locate(&self, address: usize) -> Location {
        let Some(region) = self.map.part(address) else { return runs::locate(&self.map, address) };
        // SAFETY: the map names live regions only; `&self` keeps them from changing.
        let region = unsafe { region.as_ref() };
        match region.start_of(address).map(|start| (start, region.layout(start))) {
            Some((start, Some(layout))) => Location::Live { start, layout },
            // The marks do not tell whether a freed block started there: it may have.
            _ if address.is_multiple_of(GRANULE_BYTES) => Location::Free { start: address },
            _ => Location::Unknown,
        }
    }

    fn trim(&mut self) {
        self.trim_region();
    }
}

//! `heap=slab`, the default: size classes over pages.
//!
//! Small blocks come from slabs: runs of pages cut into blocks of one size, with a bit a block that says
//! whether it is free. The bits lie in a descriptor apart from the blocks, so a write past a block's end or
//! after its free never damages the allocator. Slabs with a free block are on their class' list; empty ones
//! go back to the pages, but for the last of a class. Larger blocks are whole runs of pages.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use memstat::{Backend, Live, Location};

use super::PageSource;
use super::descriptors::Descriptors;
use super::page_map::{PageMap, PageUse};
use crate::memory::frames::PAGE_BYTES;

/// Bytes of a block, by class.
static CLASS_BYTES: [u16; CLASSES] = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
/// Orders of the slabs' pages, chosen so that at most an eighth of a slab is left over.
static CLASS_ORDERS: [u8; CLASSES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2];
const CLASSES: usize = 14;
const MOST_CLASS_BYTES: usize = 2048;
const WORDS: usize = 4;

/// The class of a size in units of 16 bytes, rounded up.
static CLASS_OF: [u8; MOST_CLASS_BYTES / 16 + 1] = {
    let mut table = [0; MOST_CLASS_BYTES / 16 + 1];
    let mut unit = 0;
    let mut class = 0;
    while unit < table.len() {
        if unit * 16 > CLASS_BYTES[class] as usize {
            class += 1;
        }
        table[unit] = class as u8;
        unit += 1;
    }
    table
};

/// A slab: where it lies, and which of its blocks are free.
#[derive(Debug)]
#[repr(C)]
pub(super) struct SlabDescriptor {
    /// Bit i is set while block i is free.
    free: [u64; WORDS],
    start: usize,
    next: *mut SlabDescriptor,
    previous: *mut SlabDescriptor,
    free_blocks: u16,
    class: u8,
}

/// How many blocks and slabs a class has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ClassStatistics {
    live_blocks: usize,
    slabs: usize,
}

/// What is known of a size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// Bytes of a block.
    pub(crate) block_bytes: usize,
    /// Blocks of a slab.
    pub(crate) blocks_per_slab: usize,
    /// Pages of a slab.
    pub(crate) pages_per_slab: usize,
    /// Blocks handed out.
    pub(crate) live_blocks: usize,
    /// Slabs, whether full or not.
    pub(crate) slabs: usize,
}

/// The heap.
#[derive(Debug)]
pub(crate) struct Slab<S> {
    partial: [*mut SlabDescriptor; CLASSES],
    statistics: [ClassStatistics; CLASSES],
    descriptors: Descriptors,
    map: PageMap,
    source: S,
    large_pages: usize,
    large_blocks: usize,
}

// SAFETY: everything behind the pointers belongs to this heap alone.
unsafe impl<S: Send> Send for Slab<S> {}

/// Blocks that fit in a slab of a class. All tables are statics: a constant one would be copied to the stack
/// at each use.
static BLOCKS_PER_SLAB: [u16; CLASSES] = {
    let mut table = [0; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        table[class] = ((PAGE_BYTES << CLASS_ORDERS[class]) / CLASS_BYTES[class] as usize) as u16;
        class += 1;
    }
    table
};

/// Blocks that fit in a slab of a class.
#[inline]
fn blocks_per_slab(class: usize) -> usize {
    usize::from(BLOCKS_PER_SLAB[class])
}

/// Pages in a slab of a class.
fn pages_per_slab(class: usize) -> usize {
    1 << CLASS_ORDERS[class]
}

/// How a layout is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Class(usize),
    Pages { order: u32 },
}

#[inline]
fn service(layout: Layout) -> Option<Service> {
    // Blocks lie at multiples of their class' size from a page's start, so a size that is a power of two and
    // at least the alignment is aligned enough.
    let size_bytes = if layout.align() <= 16 {
        layout.size()
    } else {
        layout.size().max(layout.align()).checked_next_power_of_two()?
    };
    if size_bytes <= MOST_CLASS_BYTES {
        return Some(Service::Class(usize::from(CLASS_OF[size_bytes.div_ceil(16)])));
    }
    let pages = size_bytes.div_ceil(PAGE_BYTES).checked_next_power_of_two()?;
    Some(Service::Pages { order: pages.trailing_zeros() })
}

impl<S: PageSource> Slab<S> {
    /// An empty heap over `source`. `map` covers every page that the source may give.
    pub(crate) fn new(source: S, map: PageMap) -> Self {
        Self {
            partial: [null_mut(); CLASSES],
            statistics: [ClassStatistics { live_blocks: 0, slabs: 0 }; CLASSES],
            descriptors: Descriptors::new(),
            map,
            source,
            large_pages: 0,
            large_blocks: 0,
        }
    }

    /// The class `number`, from the smallest blocks up.
    pub(crate) fn class(&self, number: usize) -> Option<Class> {
        let statistics = self.statistics.get(number)?;
        Some(Class {
            block_bytes: usize::from(*CLASS_BYTES.get(number)?),
            blocks_per_slab: blocks_per_slab(number),
            pages_per_slab: pages_per_slab(number),
            live_blocks: statistics.live_blocks,
            slabs: statistics.slabs,
        })
    }

    /// Pages in slabs and their descriptors.
    pub(crate) fn slab_pages(&self) -> usize {
        let slabs = self.statistics.iter().enumerate();
        slabs.map(|(class, have)| have.slabs * pages_per_slab(class)).sum::<usize>()
            + self.descriptors.page_count()
    }

    /// Pages in blocks too large for a class.
    pub(crate) fn large_pages(&self) -> usize {
        self.large_pages
    }

    /// Where the pages come from.
    #[cfg(test)]
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    #[inline]
    fn allocate_from_class(&mut self, class: usize) -> Option<NonNull<u8>> {
        let slab = match NonNull::new(self.partial[class]) {
            Some(slab) => slab,
            None => self.add_slab(class)?,
        };
        // SAFETY: slabs on the list are live and have a free block; nobody else refers to the descriptor.
        let slab = unsafe { &mut *slab.as_ptr() };
        let (word, bits) = slab.free.iter_mut().enumerate().find(|(_, bits)| **bits != 0)?;
        let number = word * 64 + bits.trailing_zeros() as usize;
        *bits &= *bits - 1;
        slab.free_blocks -= 1;
        let block = slab.start + number * usize::from(CLASS_BYTES[class]);
        if slab.free_blocks == 0 {
            let slab = core::ptr::from_mut(slab);
            self.unlink(class, slab);
        }
        self.statistics[class].live_blocks += 1;
        NonNull::new(block as *mut u8)
    }

    #[cold]
    fn add_slab(&mut self, class: usize) -> Option<NonNull<SlabDescriptor>> {
        let descriptor = self.descriptors.take(&mut self.source)?;
        let Some(pages) = self.source.take(CLASS_ORDERS[class].into()) else {
            // SAFETY: taken just now and not used.
            unsafe { self.descriptors.give(descriptor, &mut self.source) };
            return None;
        };
        let blocks = blocks_per_slab(class);
        let mut free = [0_u64; WORDS];
        for (word, bits) in free.iter_mut().enumerate() {
            let left = blocks.saturating_sub(word * 64).min(64) as u32;
            *bits = u64::MAX.checked_shr(64 - left).unwrap_or(0);
        }
        let start = pages.as_ptr() as usize;
        let slab = SlabDescriptor {
            free,
            start,
            next: null_mut(),
            previous: null_mut(),
            free_blocks: blocks as u16,
            class: class as u8,
        };
        // SAFETY: room for a descriptor, ours alone.
        unsafe { descriptor.write(slab) };
        for page in 0..pages_per_slab(class) {
            self.map.set(start + page * PAGE_BYTES, PageUse::Slab(descriptor));
        }
        self.partial[class] = descriptor.as_ptr();
        self.statistics[class].slabs += 1;
        Some(descriptor)
    }

    #[inline]
    fn free_to_slab(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        // SAFETY: the map names live slabs only; nobody else refers to the descriptor.
        let descriptor = unsafe { &mut *slab.as_ptr() };
        let class = usize::from(descriptor.class);
        let number = block_number(address - descriptor.start, class);
        let bits = descriptor.free.get_mut(number / 64)?;
        let bit = 1 << (number % 64);
        let size_bytes = usize::from(CLASS_BYTES[class]);
        if *bits & bit != 0 || descriptor.start + number * size_bytes != address {
            return None;
        }
        *bits |= bit;
        descriptor.free_blocks += 1;
        self.statistics[class].live_blocks -= 1;
        if descriptor.free_blocks == 1 {
            self.link(class, slab.as_ptr());
        }
        let is_only = descriptor.next.is_null() && descriptor.previous.is_null();
        if usize::from(descriptor.free_blocks) == blocks_per_slab(class) && !is_only {
            self.remove_slab(class, slab);
        }
        Some(size_bytes)
    }

    #[cold]
    fn remove_slab(&mut self, class: usize, slab: NonNull<SlabDescriptor>) {
        self.unlink(class, slab.as_ptr());
        // SAFETY: a live slab of which every block is free.
        let start = unsafe { slab.as_ref() }.start;
        for page in 0..pages_per_slab(class) {
            self.map.set(start + page * PAGE_BYTES, PageUse::None);
        }
        self.statistics[class].slabs -= 1;
        // SAFETY: off the list and the map, and none of its blocks is handed out.
        unsafe {
            self.descriptors.give(slab, &mut self.source);
            if let Some(pages) = NonNull::new(start as *mut u8) {
                self.source.give(pages, CLASS_ORDERS[class].into());
            }
        }
    }

    fn link(&mut self, class: usize, slab: *mut SlabDescriptor) {
        let head = core::mem::replace(&mut self.partial[class], slab);
        // SAFETY: live descriptors; `slab` was on no list.
        unsafe {
            (*slab).next = head;
            (*slab).previous = null_mut();
            if let Some(mut head) = NonNull::new(head) {
                head.as_mut().previous = slab;
            }
        }
    }

    fn unlink(&mut self, class: usize, slab: *mut SlabDescriptor) {
        // SAFETY: `slab` is on its class' list, whose members are live descriptors.
        unsafe {
            let (next, previous) = ((*slab).next, (*slab).previous);
            if let Some(mut next) = NonNull::new(next) {
                next.as_mut().previous = previous;
            }
            match NonNull::new(previous) {
                Some(mut previous) => previous.as_mut().next = next,
                None => self.partial[class] = next,
            }
            (*slab).next = null_mut();
            (*slab).previous = null_mut();
        }
    }

    /// The large block that `address` lies in: the nearest one below it that reaches so far.
    fn large_block(&self, address: usize) -> Option<(usize, u32)> {
        let page = address & !(PAGE_BYTES - 1);
        (0..=crate::memory::frames::MOST_ORDER).find_map(|order| {
            let start = page & !((PAGE_BYTES << order) - 1);
            match self.map.get(start) {
                PageUse::Block { order: found } if found >= order => Some((start, found)),
                _ => None,
            }
        })
    }
}

/// Which block of its class' slab lies `offset` bytes behind the slab's start.
#[inline]
fn block_number(offset: usize, class: usize) -> usize {
    /// 2^32 over the size, rounded up: exact for offsets of a slab, which are below 2^16.
    static RECIPROCALS: [u64; CLASSES] = {
        let mut table = [0; CLASSES];
        let mut class = 0;
        while class < CLASSES {
            table[class] = (1_u64 << 32).div_ceil(CLASS_BYTES[class] as u64);
            class += 1;
        }
        table
    };
    ((offset as u64 * RECIPROCALS[class]) >> 32) as usize
}

// SAFETY: blocks of a slab are disjoint and handed out once, by their bits; runs of pages come from the
// source, whose contract is the same.
unsafe impl<S: PageSource> Backend for Slab<S> {
    fn name(&self) -> &'static str {
        "slab"
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        match service(layout)? {
            Service::Class(class) => self.allocate_from_class(class),
            Service::Pages { order } => {
                let block = self.source.take(order)?;
                self.map.set(block.as_ptr() as usize, PageUse::Block { order });
                self.large_pages += 1 << order;
                self.large_blocks += 1;
                Some(block)
            }
        }
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, _layout: Layout) {
        // SAFETY: handed on to the caller. The pointer alone says which block it is.
        let _ = unsafe { self.deallocate_unsized(block) };
    }

    #[inline]
    unsafe fn deallocate_unsized(&mut self, block: NonNull<u8>) -> Option<usize> {
        let address = block.as_ptr() as usize;
        match self.map.get(address) {
            PageUse::Slab(slab) => self.free_to_slab(slab, address),
            PageUse::Block { order } if address.is_multiple_of(PAGE_BYTES) => {
                self.map.set(address, PageUse::None);
                self.large_pages -= 1 << order;
                self.large_blocks -= 1;
                // SAFETY: the caller gives the block up; it came from the source with this order.
                unsafe { self.source.give(block, order) };
                Some(PAGE_BYTES << order)
            }
            PageUse::Block { .. } | PageUse::None => None,
        }
    }

    #[inline]
    fn usable_size_bytes(&self, layout: Layout) -> usize {
        match service(layout) {
            Some(Service::Class(class)) => usize::from(CLASS_BYTES[class]),
            Some(Service::Pages { order }) => PAGE_BYTES << order,
            None => layout.size(),
        }
    }

    fn live(&self) -> Live {
        let classes = self.statistics.iter().zip(CLASS_BYTES);
        let start = Live { blocks: self.large_blocks as u64, bytes: (self.large_pages * PAGE_BYTES) as u64 };
        classes.fold(start, |sum, (class, bytes)| Live {
            blocks: sum.blocks + class.live_blocks as u64,
            bytes: sum.bytes + class.live_blocks as u64 * u64::from(bytes),
        })
    }

    fn locate(&self, address: usize) -> Location {
        if let PageUse::Slab(slab) = self.map.get(address) {
            // SAFETY: the map names live slabs only; `&self` keeps it from changing.
            let slab = unsafe { slab.as_ref() };
            let class = usize::from(slab.class);
            let number = block_number(address - slab.start, class);
            let start = slab.start + number * usize::from(CLASS_BYTES[class]);
            if number >= blocks_per_slab(class) {
                return Location::Unknown;
            }
            let is_free = slab.free.get(number / 64).is_some_and(|bits| bits >> (number % 64) & 1 != 0);
            return match Layout::from_size_align(CLASS_BYTES[class].into(), 16) {
                Ok(layout) if !is_free => Location::Live { start, layout },
                _ => Location::Free { start },
            };
        }
        let found = self.large_block(address).map(|(start, order)| (start, PAGE_BYTES << order));
        match found.map(|(start, bytes)| (start, Layout::from_size_align(bytes, PAGE_BYTES))) {
            Some((start, Ok(layout))) => Location::Live { start, layout },
            _ => Location::Unknown,
        }
    }
}

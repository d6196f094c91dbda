//! `heap=slab`, the default: size classes over pages.
//!
//! Small blocks come from slabs: runs of pages cut into blocks of one size, with one bit per block that says whether it is
//! free. The bits are in a descriptor apart from the blocks, so a write past a block's end or after its free does not
//! damage the allocator's state. Slabs with a free block are on their class's list; empty ones are given back, except for
//! the first on the list. Larger blocks are whole runs of pages.

mod blocks;
mod class;
mod descriptor;
mod pool;

use core::alloc::Layout;
use core::ptr::NonNull;

use memstat::{Backend, Live, Location};

pub use self::class::SizeClass;

use self::class::{CLASS_OF, CLASSES, ClassState, ClassUse, MAX_CLASS_BYTES, class_bytes, pages_per_slab};
use self::descriptor::SlabDescriptor;
use self::pool::Pool;
use crate::PageSource;
use crate::page_map::{PageMap, PageUse, PageWords};
use crate::runs::{self, Run, Runs};

/// The heap.
#[derive(Debug)]
pub(crate) struct Slab<S> {
    classes: [ClassState; CLASSES],
    descriptors: Pool,
    map: PageMap<SlabDescriptor>,
    source: S,
    runs: Runs,
}

// SAFETY: everything behind the pointers belongs to this heap alone.
unsafe impl<S: Send> Send for Slab<S> {}

/// How a layout is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Class(usize),
    Pages(Run),
}

#[inline]
fn service(layout: Layout) -> Option<Service> {
    // Blocks lie at multiples of their class's size from a page's start, so a size that is a power of two and at least the
    // alignment is aligned enough.
    let size_bytes = if layout.align() <= 16 {
        layout.size()
    } else {
        layout.size().max(layout.align()).checked_next_power_of_two()?
    };
    if size_bytes <= MAX_CLASS_BYTES {
        return Some(Service::Class(usize::from(CLASS_OF[size_bytes.div_ceil(16)])));
    }
    Some(Service::Pages(Run::of(layout)?))
}

impl<S: PageSource> Slab<S> {
    /// An empty heap over `source`. `words` cover every page that the source may give.
    pub(crate) fn new(source: S, words: PageWords) -> Self {
        Self {
            classes: core::array::from_fn(ClassState::new),
            descriptors: Pool::new(),
            map: PageMap::new(words),
            source,
            runs: Runs::default(),
        }
    }

    /// The class `number`, the smallest blocks first; after the last one, the slabs' descriptors as a class.
    pub(crate) fn class(&self, number: usize) -> Option<SizeClass> {
        if number == self.classes.len() {
            return Some(self.descriptors.class(self.classes.iter().map(|class| class.slabs).sum()));
        }
        let class = self.classes.get(number)?;
        Some(SizeClass {
            used_for: ClassUse::Blocks,
            block_bytes: class.block_bytes,
            blocks_per_slab: class.blocks_per_slab,
            pages_per_slab: pages_per_slab(number),
            live_blocks: class.live_blocks,
            slabs: class.slabs,
        })
    }

    /// Pages in slabs and their descriptors.
    pub(crate) fn shared_pages(&self) -> usize {
        let slabs = self.classes.iter().enumerate();
        slabs.map(|(class, have)| have.slabs * pages_per_slab(class)).sum::<usize>()
            + self.descriptors.page_count()
    }

    /// Pages in blocks too large for a class.
    pub(crate) fn large_pages(&self) -> usize {
        self.runs.pages()
    }

    /// Where the pages come from.
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    #[cold]
    #[inline(never)]
    fn allocate_pages(&mut self, run: Run) -> Option<NonNull<[u8]>> {
        self.runs.allocate(run, &mut self.map, &mut self.source)
    }

    /// # Safety
    ///
    /// As for [`Backend::deallocate_unsized`].
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_pages(&mut self, block: NonNull<u8>) -> Option<usize> {
        // SAFETY: upheld by the caller.
        unsafe { self.runs.deallocate(block, &mut self.map, &mut self.source) }
    }

    #[inline]
    fn serve(&mut self, service: Service) -> Option<NonNull<[u8]>> {
        match service {
            Service::Class(class) => self.allocate_from_class(class),
            Service::Pages(run) => self.allocate_pages(run),
        }
    }
}

// SAFETY: blocks of a slab are disjoint and handed out once, by their bits; runs of pages come from the
// source, whose contract is the same.
unsafe impl<S: PageSource> Backend for Slab<S> {
    const KNOWS_LIVE: bool = true;

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let service = service(layout)?;
        let block = self.serve(service);
        // The pages of an empty slab may be those that are needed.
        block.or_else(|| if self.trim_classes() { self.serve(service) } else { None })
    }

    fn has_fast_path(&self) -> bool {
        true
    }

    #[inline]
    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        if layout.align() > 16 || layout.size() > MAX_CLASS_BYTES {
            return None;
        }
        self.take_block(usize::from(CLASS_OF[layout.size().div_ceil(16)]))
    }

    #[inline]
    unsafe fn deallocate_fast(&mut self, address: usize, _claimed: Option<Layout>) -> Option<usize> {
        let slab = self.map.part(address)?;
        self.give_block(slab, address)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, _layout: Layout) -> usize {
        // SAFETY: upheld by the caller. The pointer alone identifies the block.
        let taken_bytes = unsafe { self.deallocate_unsized(block) };
        debug_assert!(taken_bytes.is_some(), "only live blocks are given back");
        taken_bytes.unwrap_or(0)
    }

    #[inline]
    unsafe fn deallocate_unsized(&mut self, block: NonNull<u8>) -> Option<usize> {
        let address = block.as_ptr() as usize;
        if let PageUse::Part(slab) = self.map.get(address) {
            self.free_to_slab(slab, address)
        } else {
            // SAFETY: upheld by the caller.
            unsafe { self.deallocate_pages(block) }
        }
    }

    #[inline]
    fn usable_size_bytes(&self, layout: Layout) -> usize {
        match service(layout) {
            Some(Service::Class(class)) => class_bytes(class),
            Some(Service::Pages(run)) => run.size_bytes(),
            None => layout.size(),
        }
    }

    #[inline]
    unsafe fn taken_size_bytes_fast(&self, layout: Layout) -> Option<usize> {
        if layout.align() > 16 || layout.size() > MAX_CLASS_BYTES {
            return None;
        }
        let class = usize::from(CLASS_OF[layout.size().div_ceil(16)]);
        self.classes.get(class).map(|class| class.block_bytes)
    }

    fn live(&self) -> Option<Live> {
        Some(self.classes.iter().fold(self.runs.live(), |sum, class| Live {
            blocks: sum.blocks + class.live_blocks as u64,
            bytes: sum.bytes + (class.live_blocks * class.block_bytes) as u64,
        }))
    }

    fn trim(&mut self) {
        self.trim_classes();
    }

    fn locate(&self, address: usize) -> Location {
        if let PageUse::Part(slab) = self.map.get(address) {
            // SAFETY: the map names live slabs only; `&self` keeps it from changing.
            let slab = unsafe { slab.as_ref() };
            let class = &self.classes[usize::from(slab.class)];
            let (number, _) = class.block_number(address - slab.start);
            let start = slab.start + number * class.block_bytes;
            if number >= class.blocks_per_slab {
                return Location::Unknown;
            }
            let is_free = slab.free.get(number / 64).is_some_and(|bits| bits >> (number % 64) & 1 != 0);
            return match Layout::from_size_align(class.block_bytes, 16) {
                Ok(layout) if !is_free => Location::Live { start, layout },
                _ => Location::Free { start },
            };
        }
        runs::locate(&self.map, address)
    }
}

//! `heap=slab`, the default: size classes over pages.
//!
//! Small blocks come from slabs: runs of pages cut into blocks of one size, with a bit a block that says
//! whether it is free. The bits lie in a descriptor apart from the blocks, so a write past a block's end or
//! after its free never damages the allocator. Slabs with a free block are on their class' list; empty ones
//! go back to the pages, but for the last of a class. Larger blocks are whole runs of pages.

mod class;
mod descriptor;
mod pool;

use core::alloc::Layout;
use core::ptr::NonNull;

use memstat::{Backend, Live, Location};

pub(crate) use class::Class;
use class::ClassUse;

use self::class::{
    CLASS_OF, CLASS_ORDERS, CLASSES, ClassState, MOST_CLASS_BYTES, class_bytes, pages_per_slab,
};
use self::descriptor::SlabDescriptor;
use self::pool::Pool;
use super::PageSource;
use super::page_map::{PageMap, PageUse, PageWords};
use super::runs::{self, Runs};
use crate::memory::frames::PAGE_BYTES;

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
    Some(Service::Pages { order: runs::order_for(layout)? })
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

    /// The class `number`, from the smallest blocks up; behind the last one, the slabs' descriptors.
    pub(crate) fn class(&self, number: usize) -> Option<Class> {
        if number == self.classes.len() {
            return Some(self.descriptors.class(self.classes.iter().map(|class| class.slabs).sum()));
        }
        let class = self.classes.get(number)?;
        Some(Class {
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
    fn allocate_pages(&mut self, order: u32) -> Option<NonNull<[u8]>> {
        self.runs.allocate(order, &mut self.map, &mut self.source)
    }

    /// # Safety
    ///
    /// As for [`Backend::deallocate_unsized`].
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_pages(&mut self, block: NonNull<u8>) -> Option<usize> {
        // SAFETY: handed on to the caller.
        unsafe { self.runs.deallocate(block, &mut self.map, &mut self.source) }
    }

    /// Takes a block of a class that is at hand, if the slab has more than that.
    #[inline]
    fn take_block(&mut self, class: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: a number out of the table of classes, or of one.
        let class = unsafe { self.classes.get_unchecked_mut(class) };
        // SAFETY: slabs on the list are live, and so is what stands for none.
        if unsafe { (*class.partial).free_blocks } <= 1 {
            return None;
        }
        // SAFETY: what stands for none has no free block, so it is a live slab; nobody else refers to it.
        unsafe { &mut *class.partial }.take(class)
    }

    #[inline]
    fn serve(&mut self, service: Service) -> Option<NonNull<[u8]>> {
        match service {
            Service::Class(class) => self.allocate_from_class(class),
            Service::Pages { order } => self.allocate_pages(order),
        }
    }

    /// Gives the slab back that each class keeps even if it is empty; says whether there was one.
    #[cold]
    #[inline(never)]
    fn trim_classes(&mut self) -> bool {
        let mut has_given = false;
        for number in 0..CLASSES {
            let class = &self.classes[number];
            let blocks_per_slab = class.blocks_per_slab;
            // SAFETY: slabs on the list are live.
            let first = NonNull::new(class.first())
                .filter(|slab| usize::from(unsafe { slab.as_ref() }.free_blocks) == blocks_per_slab);
            if let Some(first) = first {
                self.remove_slab(number, first);
                has_given = true;
            }
        }
        has_given
    }

    #[inline]
    fn allocate_from_class(&mut self, class: usize) -> Option<NonNull<[u8]>> {
        if let Some(block) = self.take_block(class) {
            return Some(block);
        }
        self.take_odd_block(class)
    }

    /// Takes the last free block of a slab, the first of its next word, or the first of a new slab.
    #[cold]
    #[inline(never)]
    fn take_odd_block(&mut self, class: usize) -> Option<NonNull<[u8]>> {
        if self.classes[class].first().is_null() {
            self.add_slab(class)?;
        }
        let state = &mut self.classes[class];
        // SAFETY: as in `take_block`.
        let slab = unsafe { &mut *state.partial };
        slab.word = slab.free.iter().position(|bits| *bits != 0)? as u8;
        let block = slab.take(state)?;
        if slab.free_blocks == 0 {
            let slab = core::ptr::from_mut(slab);
            state.unlink(slab);
        }
        Some(block)
    }

    #[cold]
    #[inline(never)]
    fn add_slab(&mut self, class: usize) -> Option<NonNull<SlabDescriptor>> {
        let descriptor = self.descriptors.take(&mut self.source)?;
        let Some(pages) = self.source.take(CLASS_ORDERS[class].into()) else {
            // SAFETY: taken just now and not used.
            unsafe { self.descriptors.give(descriptor, &mut self.source) };
            return None;
        };
        let blocks = self.classes[class].blocks_per_slab;
        let start = pages.as_ptr() as usize;
        let slab = SlabDescriptor::new(start, class as u8, blocks as u16);
        // SAFETY: room for a descriptor, ours alone.
        unsafe { descriptor.write(slab) };
        self.map.set(start, pages_per_slab(class), PageUse::Part(descriptor));
        let class = &mut self.classes[class];
        class.partial = descriptor.as_ptr();
        class.slabs += 1;
        Some(descriptor)
    }

    /// Gives a block back to its slab if that changes no list; says how many bytes it took.
    #[inline]
    fn give_block(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        // SAFETY: the map names live slabs only; nobody else refers to the descriptor.
        let slab = unsafe { &mut *slab.as_ptr() };
        // SAFETY: `add_slab` wrote the number of a class that there is.
        let class = unsafe { self.classes.get_unchecked_mut(usize::from(slab.class)) };
        // 0 - 1 is as large as any span.
        if slab.free_blocks.wrapping_sub(1) >= slab.quick_span {
            return None;
        }
        slab.give(class, address)?;
        slab.free_blocks += 1;
        class.live_blocks -= 1;
        Some(class.block_bytes)
    }

    #[inline]
    fn free_to_slab(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        match self.give_block(slab, address) {
            Some(size_bytes) => Some(size_bytes),
            None => self.give_first_or_last_block(slab, address),
        }
    }

    /// Gives a block back that is the first free one of its slab, or the last; or is none at all.
    #[cold]
    #[inline(never)]
    fn give_first_or_last_block(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        // SAFETY: as in `give_block`.
        let descriptor = unsafe { &mut *slab.as_ptr() };
        let number = usize::from(descriptor.class);
        let class = &mut self.classes[number];
        descriptor.give(class, address)?;
        descriptor.free_blocks += 1;
        class.live_blocks -= 1;
        let block_bytes = class.block_bytes;
        let is_empty = usize::from(descriptor.free_blocks) == class.blocks_per_slab;
        if descriptor.free_blocks == 1 {
            self.classes[number].link(slab.as_ptr());
        }
        if is_empty && self.classes[number].partial != slab.as_ptr() {
            self.remove_slab(number, slab);
        }
        Some(block_bytes)
    }

    #[cold]
    #[inline(never)]
    fn remove_slab(&mut self, class: usize, slab: NonNull<SlabDescriptor>) {
        self.classes[class].unlink(slab.as_ptr());
        // SAFETY: a live slab of which every block is free.
        let start = unsafe { slab.as_ref() }.start;
        self.map.set(start, pages_per_slab(class), PageUse::None);
        self.classes[class].slabs -= 1;
        // SAFETY: off the list and the map, and none of its blocks is handed out.
        unsafe {
            self.descriptors.give(slab, &mut self.source);
            if let Some(pages) = NonNull::new(start as *mut u8) {
                self.source.give(pages, CLASS_ORDERS[class].into());
            }
        }
    }
}

// SAFETY: blocks of a slab are disjoint and handed out once, by their bits; runs of pages come from the
// source, whose contract is the same.
unsafe impl<S: PageSource> Backend for Slab<S> {
    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let service = service(layout)?;
        let block = self.serve(service);
        // The pages of an empty slab may be just those that are wanted.
        block.or_else(|| if self.trim_classes() { self.serve(service) } else { None })
    }

    fn is_quick(&self) -> bool {
        true
    }

    #[inline]
    unsafe fn allocate_quickly(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        if layout.align() > 16 || layout.size() > MOST_CLASS_BYTES {
            return None;
        }
        self.take_block(usize::from(CLASS_OF[layout.size().div_ceil(16)]))
    }

    #[inline]
    unsafe fn deallocate_quickly(&mut self, address: usize, _claimed: Option<Layout>) -> Option<usize> {
        let slab = self.map.part(address)?;
        self.give_block(slab, address)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, _layout: Layout) -> usize {
        // SAFETY: handed on to the caller. The pointer alone says which block it is.
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
            // SAFETY: handed on to the caller.
            unsafe { self.deallocate_pages(block) }
        }
    }

    #[inline]
    fn usable_size_bytes(&self, layout: Layout) -> usize {
        match service(layout) {
            Some(Service::Class(class)) => class_bytes(class),
            Some(Service::Pages { order }) => PAGE_BYTES << order,
            None => layout.size(),
        }
    }

    #[inline]
    unsafe fn taken_size_bytes_quickly(&self, layout: Layout) -> Option<usize> {
        if layout.align() > 16 || layout.size() > MOST_CLASS_BYTES {
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

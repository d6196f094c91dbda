//! Allocating and freeing blocks of slabs, and adding and removing slabs.
//!
//! The common case, [`Slab::take_block`] and [`Slab::give_block`], changes one word and two counts, and is inlined; what
//! changes a list or the pages is in cold functions.

use core::ptr::NonNull;

use super::class::{CLASS_ORDERS, CLASSES, pages_per_slab};
use super::descriptor::SlabDescriptor;
use super::{PageUse, Slab};
use crate::PageSource;

impl<S: PageSource> Slab<S> {
    /// Takes a block from the first slab of a class, if that slab has at least one more free block.
    #[inline]
    pub(super) fn take_block(&mut self, class: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the number comes from the table of classes, so there is such a class.
        let class = unsafe { self.classes.get_unchecked_mut(class) };
        // SAFETY: slabs on the list are live, and so is `NO_SLAB`.
        if unsafe { (*class.partial).free_blocks } <= 1 {
            return None;
        }
        // SAFETY: `NO_SLAB` has no free block, so this is a live slab; nobody else refers to it.
        unsafe { &mut *class.partial }.take(class)
    }

    /// Gives back the empty slab that each class may keep; returns whether there was one.
    #[cold]
    #[inline(never)]
    pub(super) fn trim_classes(&mut self) -> bool {
        let mut is_trimmed = false;
        for number in 0..CLASSES {
            let class = &self.classes[number];
            let blocks_per_slab = class.blocks_per_slab;
            // SAFETY: slabs on the list are live.
            let first = NonNull::new(class.first())
                .filter(|slab| usize::from(unsafe { slab.as_ref() }.free_blocks) == blocks_per_slab);
            if let Some(first) = first {
                self.remove_slab(number, first);
                is_trimmed = true;
            }
        }
        is_trimmed
    }

    #[inline]
    pub(super) fn allocate_from_class(&mut self, class: usize) -> Option<NonNull<[u8]>> {
        if let Some(block) = self.take_block(class) {
            return Some(block);
        }
        self.take_block_slow(class)
    }

    /// The slow path: takes the last free block of a slab, the first of its next word, or the first of a new slab.
    #[cold]
    #[inline(never)]
    fn take_block_slow(&mut self, class: usize) -> Option<NonNull<[u8]>> {
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

    /// Gives a block back to its slab if that changes no list; returns how many bytes it took.
    #[inline]
    pub(super) fn give_block(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        // SAFETY: the map names live slabs only; nobody else refers to the descriptor.
        let slab = unsafe { &mut *slab.as_ptr() };
        // SAFETY: `add_slab` wrote the number of an existing class.
        let class = unsafe { self.classes.get_unchecked_mut(usize::from(slab.class)) };
        // Without a free block this wraps to the maximum, which is below no span.
        if slab.free_blocks.wrapping_sub(1) >= slab.fast_span {
            return None;
        }
        slab.give(class, address)?;
        slab.free_blocks += 1;
        class.live_blocks -= 1;
        Some(class.block_bytes)
    }

    #[inline]
    pub(super) fn free_to_slab(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        match self.give_block(slab, address) {
            Some(size_bytes) => Some(size_bytes),
            None => self.give_first_or_last_block(slab, address),
        }
    }

    /// Gives back a block, also if it becomes the first free one of its slab, or the last. `None` if it is no live block.
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

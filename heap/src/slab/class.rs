//! The size classes: their sizes, and the slabs of each.

use core::ptr::null_mut;

use super::descriptor::{ALL_FAST, NO_SLAB, SlabDescriptor};
use crate::PAGE_BYTES;

/// Bytes of a block, by class.
static CLASS_BYTES: [u16; CLASSES] = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
/// Orders of the slabs' pages, by class, chosen so that at most an eighth of a slab is left over.
pub(super) static CLASS_ORDERS: [u8; CLASSES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2];
pub(super) const CLASSES: usize = 14;
pub(super) const MAX_CLASS_BYTES: usize = 2048;
/// The class of a size in units of 16 bytes, rounded up.
pub(super) static CLASS_OF: [u8; MAX_CLASS_BYTES / 16 + 1] = {
    let mut table = [0; MAX_CLASS_BYTES / 16 + 1];
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

/// The state of a size class.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct ClassState {
    /// The list of slabs with a free block, or [`NO_SLAB`]. Blocks are taken from the first slab, which is kept even when
    /// all its blocks are free.
    pub(super) partial: *mut SlabDescriptor,
    /// Blocks handed out.
    pub(super) live_blocks: usize,
    pub(super) slabs: usize,
    pub(super) block_bytes: usize,
    pub(super) blocks_per_slab: usize,
    /// 2^32 divided by `block_bytes`, rounded up: exact for offsets in a slab, which are below 2^16.
    pub(super) reciprocal: usize,
}

impl ClassState {
    pub(super) const fn new(class: usize) -> Self {
        let block_bytes = CLASS_BYTES[class] as usize;
        let blocks_per_slab = (PAGE_BYTES << CLASS_ORDERS[class]) / block_bytes;
        Self {
            partial: (&raw const NO_SLAB).cast_mut(),
            live_blocks: 0,
            slabs: 0,
            block_bytes,
            blocks_per_slab,
            reciprocal: (1_usize << 32).div_ceil(block_bytes),
        }
    }

    /// Makes `slab` the one that blocks are taken from; it may be null.
    ///
    /// # Safety
    ///
    /// It is the first of the class' list, or there is none.
    pub(super) unsafe fn make_first(&mut self, slab: *mut SlabDescriptor) {
        // SAFETY: slabs on the list are live.
        match unsafe { slab.as_mut() } {
            Some(slab) => {
                slab.fast_span = ALL_FAST;
                self.partial = slab;
            }
            None => self.partial = (&raw const NO_SLAB).cast_mut(),
        }
    }

    /// The first slab with a free block; null if there is none.
    pub(super) fn first(&self) -> *mut SlabDescriptor {
        if core::ptr::eq(self.partial, &raw const NO_SLAB) { null_mut() } else { self.partial }
    }

    /// The number of the block that contains the byte at `offset` from the slab's start, and whether it starts there.
    ///
    /// Source: Lemire, Kaser, Kurz, Faster remainder by direct computation (2019): the product's upper half is
    /// the quotient, and its lower half is below the reciprocal when the remainder is zero.
    #[inline]
    pub(super) fn block_number(&self, offset: usize) -> (usize, bool) {
        let product = offset * self.reciprocal;
        (product >> 32, product & 0xffff_ffff < self.reciprocal)
    }

    /// Adds a slab to its class's list after the first slab, from which blocks are still taken.
    #[cold]
    #[inline(never)]
    pub(super) fn link(&mut self, slab: *mut SlabDescriptor) {
        let first = self.first();
        // SAFETY: live descriptors; `slab` was on no list.
        unsafe {
            (*slab).previous = first;
            let Some(first) = first.as_mut() else {
                self.make_first(slab);
                return;
            };
            (*slab).fast_span = self.blocks_per_slab as u16 - 2;
            (*slab).next = core::mem::replace(&mut first.next, slab);
            if let Some(next) = (*slab).next.as_mut() {
                next.previous = slab;
            }
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn unlink(&mut self, slab: *mut SlabDescriptor) {
        // SAFETY: `slab` is on its class' list, whose members are live descriptors.
        unsafe {
            let (next, previous) = ((*slab).next, (*slab).previous);
            (*slab).next = null_mut();
            (*slab).previous = null_mut();
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => self.make_first(next),
            }
        }
    }
}

/// What the blocks of a class are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClassUse {
    /// They are allocated by users of the heap.
    Blocks,
    /// They describe the slabs.
    Descriptors,
}

/// The figures of a size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeClass {
    /// What its blocks are for.
    pub(super) used_for: ClassUse,
    /// Bytes of a block.
    pub block_bytes: usize,
    /// Blocks in a slab.
    pub blocks_per_slab: usize,
    /// Pages in a slab.
    pub pages_per_slab: usize,
    /// Blocks in use.
    pub live_blocks: usize,
    /// Slabs, full or not.
    pub slabs: usize,
}

impl SizeClass {
    /// Whether its blocks are the descriptors of slabs, and not available to users of the heap.
    pub fn has_descriptors(&self) -> bool {
        self.used_for == ClassUse::Descriptors
    }
}

/// Pages in a slab of a class.
pub(super) fn pages_per_slab(class: usize) -> usize {
    1 << CLASS_ORDERS[class]
}

/// Bytes of a block of a class.
#[inline]
pub(super) fn class_bytes(class: usize) -> usize {
    usize::from(CLASS_BYTES[class])
}

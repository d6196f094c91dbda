//! The descriptor of a slab: its address, and which of its blocks are free. It is stored apart from the blocks.

use core::num::NonZeroU64;
use core::ptr::{NonNull, null_mut};

use super::class::ClassState;

const WORDS: usize = 4;
/// The `fast_span` of a class's first slab: all its frees take the fast path.
pub(super) const ALL_FAST: u16 = u16::MAX;

/// A slab: its address, and which of its blocks are free.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct SlabDescriptor {
    /// Bit i is set while block i is free, and where there is no block i.
    pub(super) free: [u64; WORDS],
    pub(super) start: usize,
    pub(super) next: *mut SlabDescriptor,
    pub(super) previous: *mut SlabDescriptor,
    pub(super) free_blocks: u16,
    pub(super) class: u8,
    /// The word of `free` that blocks are taken from.
    pub(super) word: u8,
    /// A free takes the fast path while `free_blocks - 1` is below this. The slow path takes the free of a full slab, which
    /// puts the slab on the list, and that of a slab's last live block, which removes the slab.
    pub(super) fast_span: u16,
}

impl SlabDescriptor {
    /// A slab at `start` whose blocks are all free, as the first of its class.
    pub(super) fn new(start: usize, class: u8, blocks: u16) -> Self {
        Self {
            free: [u64::MAX; WORDS],
            start,
            next: null_mut(),
            previous: null_mut(),
            free_blocks: blocks,
            class,
            word: 0,
            fast_span: ALL_FAST,
        }
    }

    /// Takes the first free block of the current word; `None` if it has none.
    #[inline]
    pub(super) fn take(&mut self, class: &mut ClassState) -> Option<NonNull<[u8]>> {
        let word = usize::from(self.word);
        // SAFETY: `word` is 0 or was found among these words.
        let free = unsafe { self.free.get_unchecked_mut(word) };
        let bits = NonZeroU64::new(*free)?;
        let number = word * 64 + bits.trailing_zeros() as usize;
        if number >= class.blocks_per_slab {
            return None;
        }
        *free = bits.get() & (bits.get() - 1);
        self.free_blocks -= 1;
        class.live_blocks += 1;
        let block = (self.start + number * class.block_bytes) as *mut u8;
        // SAFETY: a slab lies in memory, not at address 0.
        let block = unsafe { NonNull::new_unchecked(block) };
        Some(NonNull::slice_from_raw_parts(block, class.block_bytes))
    }

    /// Marks the block at `address` as free; `None` if no block of this slab that is handed out starts there.
    #[inline]
    pub(super) fn give(&mut self, class: &ClassState, address: usize) -> Option<()> {
        let (number, is_start) = class.block_number(address - self.start);
        // SAFETY: the address lies in the slab, so the number is below that of the bits in `free`.
        let bits = unsafe { self.free.get_unchecked_mut(number / 64) };
        if !is_start || *bits >> (number % 64) & 1 != 0 {
            return None;
        }
        *bits |= 1 << (number % 64);
        Some(())
    }
}

/// The first slab of a class that has no slab with a free block, so that the fast path needs no check for null. Only
/// its number of free blocks is read, and nothing is written.
pub(super) static NO_SLAB: SlabDescriptor = SlabDescriptor {
    free: [0; WORDS],
    start: 0,
    next: null_mut(),
    previous: null_mut(),
    free_blocks: 0,
    class: 0,
    word: 0,
    fast_span: 0,
};

// SAFETY: descriptors are changed only through a heap, which has one user at a time; `NO_SLAB` never is.
unsafe impl Sync for SlabDescriptor {}

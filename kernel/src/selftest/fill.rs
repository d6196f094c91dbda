//! Takes all memory, to test what works when there is none left.
//!
//! The blocks are blocks of the heap like any others, linked in a list through their first words, newest first.

use core::ptr::null_mut;

use crate::memory::heap::{kfree, kmalloc};
use crate::sync::IrqLock;

/// From large to small, so that few are needed: down to the smallest with room for a link.
const SIZES: [usize; 12] =
    [64 << 20, 8 << 20, 1 << 20, 128 << 10, 16 << 10, 4096, 2048, 1024, 512, 256, 64, 16];

static HELD: IrqLock<Held> = IrqLock::new(Held { first: null_mut(), sum: Sum { blocks: 0, bytes: 0 } });

struct Held {
    first: *mut u8,
    sum: Sum,
}

// SAFETY: the blocks belong to the list, wherever it is used from.
unsafe impl Send for Held {}

/// Blocks, and the bytes that they were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// How many.
    pub(crate) blocks: usize,
    /// Of how many bytes.
    pub(crate) bytes: usize,
}

/// Allocates until no size is left, and returns the sum.
pub(crate) fn fill() -> Sum {
    for size_bytes in SIZES {
        // The lock comes after the heap's in the order of locks, so it is not held meanwhile.
        loop {
            let block = kmalloc(size_bytes);
            if block.is_null() {
                break;
            }
            let mut held = HELD.lock();
            // SAFETY: a fresh block of at least a word, aligned to 16.
            unsafe { block.cast::<*mut u8>().write_unaligned(held.first) };
            held.first = block;
            held.sum.blocks += 1;
            held.sum.bytes += size_bytes;
        }
    }
    HELD.lock().sum
}

/// Frees all of it, and returns the sum.
pub(crate) fn drain() -> Sum {
    let (mut block, sum) = {
        let mut held = HELD.lock();
        (core::mem::replace(&mut held.first, null_mut()), core::mem::take(&mut held.sum))
    };
    while !block.is_null() {
        // SAFETY: a live block of the list, off it now, whose first word `fill` wrote; nobody uses it after it is read.
        unsafe {
            let next = block.cast::<*mut u8>().read_unaligned();
            kfree(block);
            block = next;
        }
    }
    sum
}

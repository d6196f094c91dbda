//! kmalloc, kzalloc, krealloc, kfree and ksize: what they promise, and that the figures follow each step.

use core::alloc::Layout;
use core::mem::replace;
use core::ptr::null_mut;

use super::NO_MEMORY;
use crate::memory::heap::{kfree, kmalloc, krealloc, ksize, kzalloc, tracker};
use crate::selftest::Outcome;

/// The lesson: at every step the report says what was done.
pub(crate) fn ten_blocks_agree() -> Outcome {
    let base = tracker().counters();
    let agrees = |blocks: u64, bytes: u64| {
        let now = tracker().counters();
        // With a full arena the sizes of blocks that could not be recorded are not known.
        let is_sized = now.untracked > base.untracked || now.live_bytes == base.live_bytes + bytes;
        now.live_blocks == base.live_blocks + blocks
            && is_sized
            && tracker().blocks().count() as u64 == now.recorded_blocks()
    };
    let mut blocks = Held([null_mut(); 10]);
    let mut bytes = 0;
    for (number, block) in blocks.0.iter_mut().enumerate() {
        let size_bytes = 100 * (number + 1);
        *block = kmalloc(size_bytes);
        bytes += size_bytes as u64;
        if block.is_null() || !agrees(number as u64 + 1, bytes) {
            return Err("after a kmalloc the report is wrong");
        }
    }
    for (number, block) in blocks.0.iter_mut().enumerate() {
        // SAFETY: from kmalloc, and nobody uses it.
        unsafe { kfree(replace(block, null_mut())) };
        bytes -= 100 * (number as u64 + 1);
        if !agrees(9 - number as u64, bytes) {
            return Err("after a kfree the report is wrong");
        }
    }
    Ok(())
}

/// Blocks that are freed however a test ends.
struct Held<const N: usize>([*mut u8; N]);

impl<const N: usize> Drop for Held<N> {
    fn drop(&mut self) {
        for block in self.0 {
            // SAFETY: from kmalloc, and nobody uses it any more; null is ignored.
            unsafe { kfree(block) };
        }
    }
}

/// Zero sizes, huge sizes, null, sizes, zeroed memory.
pub(crate) fn kmalloc_contract() -> Outcome {
    let Held([first, second]) = &Held([kmalloc(0), kmalloc(0)]);
    if first.is_null() || second.is_null() || first == second {
        return Err("kmalloc(0) gives no block of its own");
    }
    if ![usize::MAX, isize::MAX as usize, 1 << 46].into_iter().all(|size_bytes| kmalloc(size_bytes).is_null())
    {
        return Err("an impossible size was allocated");
    }
    let dirty = kmalloc(300);
    if dirty.is_null() {
        return Err(NO_MEMORY);
    }
    // SAFETY: a live block of 300 bytes, then freed once; null is ignored.
    unsafe {
        dirty.write_bytes(0xa5, 300);
        kfree(dirty);
        kfree(null_mut());
    }
    let zeroed = kzalloc(300);
    if zeroed.is_null() {
        return Err(NO_MEMORY);
    }
    // SAFETY: a live block of 300 bytes.
    let is_zero = (0..300).all(|at| unsafe { zeroed.add(at).read() } == 0);
    let size_bytes = ksize(zeroed);
    // SAFETY: a live block that nobody uses.
    unsafe { kfree(zeroed) };
    if !is_zero {
        return Err("kzalloc does not clear");
    }
    if size_bytes < 300 || ksize(zeroed) != 0 { Err("ksize is wrong") } else { Ok(()) }
}

/// A block keeps its bytes through growth and shrinking.
pub(crate) fn krealloc_keeps_contents() -> Outcome {
    let mut known = 16;
    // SAFETY: the block is live, owned here, and written within its size only.
    unsafe {
        let mut block = krealloc(null_mut(), known);
        if block.is_null() {
            return Err(NO_MEMORY);
        }
        for at in 0..known {
            block.add(at).write(at as u8);
        }
        for size_bytes in [20, 500, 70_000, 300, 17, 5000] {
            let moved = krealloc(block, size_bytes);
            if moved.is_null() {
                kfree(block);
                return Err(NO_MEMORY);
            }
            block = moved;
            known = known.min(size_bytes);
            if (0..known).any(|at| block.add(at).read() != at as u8) {
                kfree(block);
                return Err("contents were lost");
            }
        }
        if krealloc(block, 0).is_null() { Ok(()) } else { Err("krealloc to 0 gives a block") }
    }
}

/// Blocks are aligned as asked, up to 2 MiB.
pub(crate) fn alignment() -> Outcome {
    for align_log2 in 0..=21 {
        let Ok(layout) = Layout::from_size_align(40, 1 << align_log2) else { return Err("no layout") };
        let Some(block) = tracker().allocate(layout) else { return Err("no memory") };
        let is_aligned = (block.as_ptr() as usize).is_multiple_of(layout.align());
        // SAFETY: a live block that nobody uses.
        let freed = unsafe { tracker().free_with_layout(block, layout) };
        if !is_aligned || freed.is_err() {
            return Err("a block is not aligned");
        }
    }
    Ok(())
}

//! Measures what the heap costs, in counts of the time stamp counter.
//!
//! Under QEMU's `-icount shift=0` the counter counts instructions, the same on every run; elsewhere it counts
//! cycles or time, and the figures cannot be compared. Interrupts are masked while something is measured, and the
//! cost of the measuring itself is subtracted. docs/benchmarks.md describes how the figures are taken and read.
//! This file measures pairs of an allocation and a free; `crowd` measures with many blocks live, `listed` checks that a
//! report lists many blocks once each.

pub(crate) mod command;
mod crowd;
mod listed;

use core::alloc::Layout;
use core::hint::black_box;
use core::ptr::{NonNull, null_mut};

pub(crate) use crowd::{ARENA_MIN_BLOCKS, Cost, Crowd, Worst, measure_frames};
pub(crate) use listed::Listed;

use tally_heap::PAGE_BYTES;

use crate::arch::cpu;
use crate::memory::heap::{kfree, kmalloc, tracker};
use crate::memory::page_accounting::{Purpose, give_pages, take_pages};

const WARM_UP_PAIRS: u32 = 300;
const PAIRS: u32 = 10_000;
/// Calls are nested so deep, so that every call stack has its full length.
const DEPTH: u32 = 16;

/// What a pair allocates and frees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// kmalloc and kfree of so many bytes.
    Kmalloc {
        /// The size asked for.
        size_bytes: usize,
    },
    /// A block of a page, aligned to its size, from the tracked heap.
    AlignedPage,
    /// A page straight from the frames.
    Frame,
}

/// Counts of one pair, in hundredths; `None` when memory runs out.
pub(crate) fn pair(pair: Pair) -> Option<u64> {
    let mut hundredths = None;
    at_depth(&mut || {
        hundredths = match pair {
            Pair::Kmalloc { size_bytes } => measure_pairs(
                || kmalloc(black_box(size_bytes)),
                // SAFETY: from kmalloc just now, and nobody uses it.
                |block| unsafe { kfree(block) },
            ),
            Pair::AlignedPage => measure_pairs(allocate_aligned_page, free_aligned_page),
            Pair::Frame => measure_pairs(take_frame, give_frame),
        };
    });
    hundredths
}

fn aligned_page() -> Option<Layout> {
    Layout::from_size_align(black_box(PAGE_BYTES), PAGE_BYTES).ok()
}

fn allocate_aligned_page() -> *mut u8 {
    aligned_page().and_then(|layout| tracker().allocate(layout)).map_or(null_mut(), NonNull::as_ptr)
}

fn free_aligned_page(block: *mut u8) {
    if let Some((layout, block)) = aligned_page().zip(NonNull::new(block)) {
        // SAFETY: allocated just now, and nobody uses it. So the free cannot be a bad one.
        let _ = unsafe { tracker().free_with_layout(block, layout) };
    }
}

fn take_frame() -> *mut u8 {
    take_pages(black_box(0), Purpose::Buffers).map_or(null_mut(), NonNull::as_ptr)
}

fn give_frame(page: *mut u8) {
    if let Some(page) = NonNull::new(page) {
        // SAFETY: taken just now for that purpose, and nobody uses it.
        unsafe { give_pages(page, 0) };
    }
}

/// Counts of one pair, in hundredths; `None` when memory runs out.
fn measure_pairs(allocate: impl Fn() -> *mut u8, free: impl Fn(*mut u8)) -> Option<u64> {
    for _ in 0..WARM_UP_PAIRS {
        let block = allocate();
        if block.is_null() {
            return None;
        }
        free(block);
    }
    let counts = count_loop(|| free(black_box(allocate())));
    let empty = count_loop(|| {
        black_box(null_mut::<u8>());
    });
    Some(counts.saturating_sub(empty) * 100 / u64::from(PAIRS))
}

#[inline(never)]
fn count_loop(body: impl Fn()) -> u64 {
    counts_of(|| (0..PAIRS).for_each(|_| body()))
}

/// The counts that `work` takes.
#[inline]
fn counts_of(work: impl FnOnce()) -> u64 {
    let start = cpu::time_stamp_counter();
    work();
    cpu::time_stamp_counter() - start
}

/// Does `work` below [`DEPTH`] nested calls, with interrupts masked.
fn at_depth(work: &mut dyn FnMut()) {
    let with_interrupts = cpu::mask_interrupts();
    descend(DEPTH, work);
    cpu::restore_interrupts(with_interrupts);
}

#[inline(never)]
fn descend(depth: u32, work: &mut dyn FnMut()) {
    if depth == 0 {
        work();
    } else {
        descend(depth - 1, work);
    }
    // Something is left to do after the call, so that it does not become a jump.
    black_box(depth);
}

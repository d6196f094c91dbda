//! The contract of every backend, as tests that run on the host and in the kernel.
//!
//! A backend gets a [`Budget`] of pages; after everything is freed and trimmed, all of them must be back.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use memstat::{Backend, Live, Location};

use crate::PAGE_BYTES;
use crate::test_kit::random::Random;
use crate::{Heap, Kind, PageSource, PageWords};

/// Pages that a backend may take for these tests: a block of 2 MiB and some more.
pub const PAGES: usize = 640;
/// Steps of the random tests.
const STEPS: usize = 3000;
/// Maximum number of blocks that the random tests hold.
const MAX_LIVE: usize = 200;

type Outcome = Result<(), &'static str>;

/// A source of pages with a limit.
#[derive(Debug)]
pub struct Budget<S> {
    source: S,
    left_pages: usize,
}

// SAFETY: the source within keeps the contract.
unsafe impl<S: PageSource> PageSource for Budget<S> {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        let left_pages = self.left_pages.checked_sub(1 << order)?;
        let pages = self.source.take(order)?;
        self.left_pages = left_pages;
        Some(pages)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        self.left_pages += 1 << order;
        // SAFETY: upheld by the caller.
        unsafe { self.source.give(pages, order) };
    }
}

type TestHeap<S> = Heap<Budget<S>>;

/// Runs all tests on a backend over `source`.
///
/// # Errors
///
/// What the first test that fails has found.
pub fn check<S: PageSource>(kind: Kind, source: S, words: PageWords) -> Outcome {
    let mut heap = Heap::new(kind, Budget { source, left_pages: PAGES }, words);
    let tests: [fn(&mut TestHeap<S>) -> Outcome; 9] = [
        alignment_reaches_two_mebibytes,
        zero_size_gives_a_block_of_its_own,
        impossible_layouts_are_refused,
        bad_frees_change_nothing,
        blocks_keep_their_contents_and_apart,
        one_size_is_reused_to_the_last_block,
        exhausted_heap_recovers,
        aligned_blocks_leave_room_for_others,
        large_blocks_take_little_more_than_they_need,
    ];
    for test in tests {
        test(&mut heap)?;
        if heap.live() != Some(Live::default()) {
            return Err("blocks are live after all were freed");
        }
        heap.trim();
        if heap.source().left_pages != PAGES {
            return Err("pages did not come back");
        }
    }
    Ok(())
}

fn layout(size_bytes: usize, align_bytes: usize) -> Result<Layout, &'static str> {
    Layout::from_size_align(size_bytes, align_bytes).map_err(|_| "the test's layout is invalid")
}

fn allocate(heap: &mut impl Backend, layout: Layout) -> Result<NonNull<u8>, &'static str> {
    let block = heap.allocate(layout).ok_or("an allocation failed though there is memory")?;
    if block.len() < heap.usable_size_bytes(layout) || heap.usable_size_bytes(layout) < layout.size() {
        return Err("a block is smaller than its usable size");
    }
    Ok(block.cast())
}

/// Frees a block, by its layout or without.
fn free(heap: &mut impl Backend, block: NonNull<u8>, layout: Option<Layout>) -> Outcome {
    let before = heap.live().unwrap_or_default();
    // SAFETY: the tests free each live block once, with its layout, and use none after that.
    let taken_bytes = unsafe {
        match layout {
            Some(layout) => heap.deallocate(block, layout),
            None => heap.deallocate_unsized(block).ok_or("a live block was refused")?,
        }
    };
    let after = heap.live().unwrap_or_default();
    if after.blocks + 1 != before.blocks || after.bytes + taken_bytes as u64 != before.bytes {
        return Err("a free is not counted correctly");
    }
    Ok(())
}

fn alignment_reaches_two_mebibytes<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    for align_log2 in 0..=21 {
        for size_bytes in [1, 24, 3000] {
            let layout = layout(size_bytes, 1 << align_log2)?;
            let block = allocate(heap, layout)?;
            if !(block.as_ptr() as usize).is_multiple_of(layout.align()) {
                return Err("a block is not aligned");
            }
            free(heap, block, if size_bytes == 24 { None } else { Some(layout) })?;
        }
    }
    Ok(())
}

fn zero_size_gives_a_block_of_its_own<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    let empty = layout(0, 1)?;
    let (first, second) = (allocate(heap, empty)?, allocate(heap, empty)?);
    if first == second {
        return Err("two empty blocks have the same address");
    }
    free(heap, first, Some(empty))?;
    free(heap, second, None)
}

fn impossible_layouts_are_refused<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    let max_bytes = isize::MAX as usize;
    for layout in [
        layout(max_bytes - 4095, 1)?,
        layout(max_bytes / 2, 4096)?,
        layout(1, 1 << 62)?,
        layout(1 << 40, 1 << 40)?,
    ] {
        if heap.allocate(layout).is_some() {
            return Err("an impossible layout was served");
        }
    }
    Ok(())
}

fn bad_frees_change_nothing<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    let (small, large) = (layout(100, 8)?, layout(300 << 10, 8)?);
    let blocks = [allocate(heap, small)?, allocate(heap, small)?, allocate(heap, large)?];
    free(heap, blocks[1], None)?;
    let before = heap.live();
    let mut local = 0_u64;
    for address in [
        blocks[0].as_ptr().wrapping_add(1),
        blocks[0].as_ptr().wrapping_add(16),
        blocks[1].as_ptr(),
        blocks[2].as_ptr().wrapping_add(16),
        blocks[2].as_ptr().wrapping_add(PAGE_BYTES),
        (&raw mut local).cast(),
        usize::MAX as *mut u8,
    ] {
        let Some(address) = NonNull::new(address) else { return Err("the test's address is null") };
        // SAFETY: no live block starts there.
        if unsafe { heap.deallocate_unsized(address) }.is_some() || heap.live() != before {
            return Err("a bad free was accepted");
        }
    }
    free(heap, blocks[0], None)?;
    free(heap, blocks[2], None)
}

/// A block of the random test, filled with a value that is its own.
#[derive(Clone, Copy)]
struct Slot {
    block: NonNull<u8>,
    layout: Layout,
    value: u8,
}

fn blocks_keep_their_contents_and_apart<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    let mut slots: [Option<Slot>; MAX_LIVE] = [None; MAX_LIVE];
    let mut generator = Random::new(0x2545_f491_4f6c_dd1d);
    for step in 0..STEPS + MAX_LIVE {
        let random = generator.next_u64();
        // At the end all are freed.
        let place = step.checked_sub(STEPS).unwrap_or(random as usize % MAX_LIVE);
        if let Some(slot) = slots[place].take() {
            if heap.usable_size_bytes(slot.layout) == 0 || !has_value(heap, &slot) {
                return Err("a block's contents were changed");
            }
            free(heap, slot.block, (!random.is_multiple_of(3)).then_some(slot.layout))?;
        } else if step < STEPS {
            // One half are of few sizes, so that slabs fill up.
            let few = (random >> 50).is_multiple_of(2);
            let size_bytes = if few { 40 } else { (random >> 8) as usize % (1 << ((random >> 32) % 15)) };
            let layout = layout(size_bytes, if few { 8 } else { 1 << ((random >> 40) % 8) })?;
            // Memory may be short now and then.
            let Some(block) = heap.allocate(layout) else { continue };
            let slot = Slot { block: block.cast(), layout, value: random as u8 };
            // SAFETY: a live block of that length.
            unsafe { slot.block.write_bytes(slot.value, block.len()) };
            slots[place] = Some(slot);
        }
    }
    Ok(())
}

fn has_value(heap: &impl Backend, slot: &Slot) -> bool {
    // SAFETY: a live block of that length, filled by the test.
    (0..heap.usable_size_bytes(slot.layout)).all(|at| unsafe { slot.block.add(at).read() } == slot.value)
}

/// Blocks that were allocated one after the other, each with the address of the one before in it.
struct Chain {
    last: *mut u8,
    blocks: usize,
}

impl Chain {
    /// Allocates until there is no more.
    fn fill(heap: &mut impl Backend, layout: Layout) -> Self {
        let mut chain = Self { last: null_mut(), blocks: 0 };
        while let Some(block) = heap.allocate(layout) {
            let block = block.cast::<*mut u8>().as_ptr();
            // SAFETY: a live block of a word at least.
            unsafe { block.write_unaligned(chain.last) };
            chain = Self { last: block.cast(), blocks: chain.blocks + 1 };
        }
        chain
    }

    fn free(self, heap: &mut impl Backend, layout: Layout) -> Outcome {
        let mut last = self.last;
        while let Some(block) = NonNull::new(last) {
            // SAFETY: written by `fill`.
            last = unsafe { block.cast::<*mut u8>().read_unaligned() };
            free(heap, block, Some(layout))?;
        }
        Ok(())
    }
}

fn one_size_is_reused_to_the_last_block<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    for size_bytes in [40, 3000, 20_000] {
        let layout = layout(size_bytes, 8)?;
        let first = Chain::fill(heap, layout);
        let blocks = first.blocks;
        // Powers of two, and a run of pages for each large block, take most.
        if blocks * size_bytes < PAGES * PAGE_BYTES / 3 {
            return Err("less than a third of the memory could be allocated");
        }
        first.free(heap, layout)?;
        let second = Chain::fill(heap, layout);
        let is_same = second.blocks == blocks;
        second.free(heap, layout)?;
        if !is_same {
            return Err("after the frees not as many blocks could be allocated as before");
        }
    }
    Ok(())
}

fn exhausted_heap_recovers<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    let (small, large) = (layout(700, 8)?, layout(2 << 20, 8)?);
    let chain = Chain::fill(heap, small);
    if heap.allocate(large).is_some() {
        return Err("a full heap allocated 2 MiB");
    }
    chain.free(heap, small)?;
    // What was cut into small blocks is one large block again.
    let block = allocate(heap, large)?;
    free(heap, block, Some(large))
}

/// Small blocks that are aligned to a page leave nearly all memory to others.
fn aligned_blocks_leave_room_for_others<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    let (aligned, plain) = (layout(16, PAGE_BYTES)?, layout(16, 16)?);
    let first = Chain::fill(heap, aligned);
    let second = Chain::fill(heap, plain);
    // In a slab or a run of pages such a block takes its page whole.
    let has_room = second.blocks > 0 || heap.usable_size_bytes(aligned) == PAGE_BYTES;
    second.free(heap, plain)?;
    first.free(heap, aligned)?;
    if has_room {
        Ok(())
    } else {
        Err("the rest of each aligned block's pages is not available to other blocks")
    }
}

/// A large block takes at most a page more than the pages that it needs, so a red zone never doubles its size. The bytes
/// that it takes are what is counted.
fn large_blocks_take_little_more_than_they_need<S: PageSource>(heap: &mut TestHeap<S>) -> Outcome {
    for needed_pages in [1, 2, 3, 5, 8, 16, 31, 32, 33, 64, 65, 100, 128, 200, 256] {
        for (more_bytes, align_bytes) in [(0, 16), (16, 8), (32, 16), (0, PAGE_BYTES), (1, 16 * PAGE_BYTES)] {
            let layout = layout(needed_pages * PAGE_BYTES + more_bytes, align_bytes)?;
            let before = heap.live().unwrap_or_default();
            let block = allocate(heap, layout)?;
            let taken_bytes = heap.taken_size_bytes(block, layout);
            if heap.live().unwrap_or_default().bytes != before.bytes + taken_bytes as u64 {
                return Err("a large block takes a different number of bytes than is counted");
            }
            if taken_bytes > layout.size().next_multiple_of(PAGE_BYTES) + PAGE_BYTES {
                return Err("a large block takes far more than it needs");
            }
            let Location::Live { start, .. } = heap.locate(block.as_ptr() as usize + layout.size() - 1)
            else {
                return Err("the last byte of a large block is in no live block");
            };
            if start != block.as_ptr() as usize {
                return Err("the last byte of a large block is in another block");
            }
            free(heap, block, (needed_pages % 2 == 0).then_some(layout))?;
        }
    }
    Ok(())
}

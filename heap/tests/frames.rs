//! The page frame allocator against a model: a map of the allocated pages.

use std::collections::BTreeMap;
use std::ops::Range;
use std::ptr::NonNull;

use proptest::prelude::*;
use tally_heap::PAGE_BYTES;
use tally_heap::frames::{Frames, NotAllocated};

use crate::common::HostPages;

fn address(pointer: *mut u8) -> usize {
    pointer as usize
}

fn pointer(address: usize) -> NonNull<u8> {
    NonNull::new(address as *mut u8).unwrap()
}

fn shown_pages(frames: &Frames) -> usize {
    frames.free_blocks().iter().enumerate().map(|(order, blocks)| blocks << order).sum()
}

/// Gives back pages of an allocation at `start`, in the largest aligned powers of two.
fn give_pieces(frames: &mut Frames, start: usize, mut span: Range<usize>) {
    while let Some(left) = (span.end - span.start).checked_ilog2() {
        let order = left.min(span.start.trailing_zeros());
        // SAFETY: taken before; nobody uses it.
        unsafe { frames.give(pointer(start + span.start * PAGE_BYTES), order) }.unwrap();
        span.start += 1 << order;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn blocks_never_overlap_and_everything_comes_back(
        steps in prop::collection::vec((any::<bool>(), 0_u32..9, any::<prop::sample::Index>()), 1..600),
        are_cut in any::<bool>(),
        first in 0_usize..130,
    ) {
        let pages = 3000;
        let mut memory = HostPages::with_first(pages, first);
        let at_start = memory.frames.free_blocks();
        let mut live = BTreeMap::<usize, usize>::new();
        let (start, end) = (address(memory.span.first().start()), address(memory.span.end().start()));
        for (is_take, order, index) in steps {
            if is_take {
                let Some(block) = memory.frames.take(order) else { continue };
                let block = address(block.as_ptr());
                prop_assert!(block.is_multiple_of(PAGE_BYTES << order));
                prop_assert!(block >= start && block + (PAGE_BYTES << order) <= end);
                if let Some((below, below_pages)) = live.range(..=block).next_back() {
                    prop_assert!(below + below_pages * PAGE_BYTES <= block);
                }
                if let Some((above, _)) = live.range(block..).next() {
                    prop_assert!(block + (PAGE_BYTES << order) <= *above);
                }
                // The pages after the first `kept` are given back at once.
                let kept = if are_cut { 1 + index.index(1 << order) } else { 1 << order };
                give_pieces(&mut memory.frames, block, kept..1 << order);
                live.insert(block, kept);
            } else if !live.is_empty() {
                let (&block, &kept) = live.iter().nth(index.index(live.len())).unwrap();
                live.remove(&block);
                give_pieces(&mut memory.frames, block, 0..kept);
                // SAFETY: refused.
                prop_assert_eq!(unsafe { memory.frames.give(pointer(block), kept.ilog2()) }, Err(NotAllocated));
            }
            let used: usize = live.values().sum();
            prop_assert_eq!(memory.frames.free_pages(), pages - used);
            prop_assert_eq!(shown_pages(&memory.frames), pages - used);
        }
        for (block, kept) in live {
            give_pieces(&mut memory.frames, block, 0..kept);
        }
        prop_assert_eq!(memory.frames.free_blocks(), at_start);
    }
}

#[test]
fn every_page_can_be_had_and_given_back_in_any_order() {
    let mut memory = HostPages::with_first(5000, 3);
    let at_start = memory.frames.free_blocks();
    let mut blocks: Vec<NonNull<u8>> = std::iter::from_fn(|| memory.frames.take(0)).collect();
    assert_eq!(blocks.len(), 5000);
    assert_eq!(memory.frames.free_pages(), 0);
    blocks.sort_by_key(|block| address(block.as_ptr()).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for block in blocks {
        // SAFETY: taken before; nobody uses it.
        unsafe { memory.frames.give(block, 0).unwrap() };
    }
    assert_eq!(memory.frames.free_blocks(), at_start);
}

#[test]
fn block_never_taken_and_misaligned_block_are_refused() {
    let mut memory = HostPages::with_first(256, 0);
    let block = memory.frames.take(3).unwrap();
    // SAFETY: refused, or nobody uses it.
    unsafe {
        assert_eq!(memory.frames.give(block.add(PAGE_BYTES), 1), Err(NotAllocated));
        assert_eq!(memory.frames.give(pointer(usize::MAX & !0xfff), 0), Err(NotAllocated));
        assert_eq!(memory.frames.give(block, 4), Err(NotAllocated));
        memory.frames.give(block, 3).unwrap();
    }
}

//! The allocator of frames against a plain map of pages.

use super::*;
use proptest::prelude::*;
use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;

/// Host memory as frames.
struct Fixture {
    frames: Frames,
    start: usize,
    layouts: [(*mut u8, Layout); 2],
}

impl Fixture {
    fn new(pages: usize, first: usize) -> Self {
        let memory_layout = Layout::from_size_align((first + pages) * PAGE_BYTES, 1 << 24).unwrap();
        // SAFETY: the sizes are not zero, and the pieces are used as their owners' alone.
        unsafe {
            let memory = alloc(memory_layout);
            let (start, end) =
                (memory as usize + first * PAGE_BYTES, memory as usize + (first + pages) * PAGE_BYTES);
            let metadata_layout = Layout::from_size_align(Frames::metadata_bytes(start, end), 64).unwrap();
            let metadata = alloc(metadata_layout);
            let mut frames = Frames::empty();
            frames.init(start, end, metadata);
            frames.add(start, end);
            Self { frames, start, layouts: [(memory, memory_layout), (metadata, metadata_layout)] }
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        for (pointer, layout) in self.layouts {
            // SAFETY: allocated in `new` with this layout.
            unsafe { dealloc(pointer, layout) };
        }
    }
}

fn shown_pages(frames: &Frames) -> usize {
    frames.free_blocks().iter().enumerate().map(|(order, blocks)| blocks << order).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn blocks_never_overlap_and_everything_comes_back(
        steps in prop::collection::vec((any::<bool>(), 0_u32..9, any::<prop::sample::Index>()), 1..600),
        first in 0_usize..130,
    ) {
        let pages = 3000;
        let mut fixture = Fixture::new(pages, first);
        let at_start = fixture.frames.free_blocks();
        let mut live = BTreeMap::<usize, u32>::new();
        for (is_take, order, index) in steps {
            if is_take {
                let Some(block) = fixture.frames.take(order) else { continue };
                prop_assert!(block.is_multiple_of(PAGE_BYTES << order));
                prop_assert!(block >= fixture.start && block + (PAGE_BYTES << order) <= fixture.start + pages * PAGE_BYTES);
                if let Some((below, below_order)) = live.range(..=block).next_back() {
                    prop_assert!(below + (PAGE_BYTES << below_order) <= block);
                }
                if let Some((above, _)) = live.range(block..).next() {
                    prop_assert!(block + (PAGE_BYTES << order) <= *above);
                }
                live.insert(block, order);
            } else if !live.is_empty() {
                let (&block, &order) = live.iter().nth(index.index(live.len())).unwrap();
                live.remove(&block);
                // SAFETY: taken before; nobody uses it.
                unsafe {
                    fixture.frames.give(block, order).unwrap();
                    prop_assert_eq!(fixture.frames.give(block, order), Err(NotAllocated));
                }
            }
            let used: usize = live.values().map(|order| 1 << order).sum();
            prop_assert_eq!(fixture.frames.free_pages(), pages - used);
            prop_assert_eq!(shown_pages(&fixture.frames), pages - used);
        }
        for (block, order) in live {
            // SAFETY: taken before; nobody uses it.
            unsafe { fixture.frames.give(block, order).unwrap() };
        }
        prop_assert_eq!(fixture.frames.free_blocks(), at_start);
    }
}

#[test]
fn every_page_can_be_had_and_given_back_in_any_order() {
    let mut fixture = Fixture::new(5000, 3);
    let at_start = fixture.frames.free_blocks();
    let mut blocks: Vec<usize> = std::iter::from_fn(|| fixture.frames.take(0)).collect();
    assert_eq!(blocks.len(), 5000);
    assert_eq!(fixture.frames.free_pages(), 0);
    blocks.sort_by_key(|block| block.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for block in blocks {
        // SAFETY: taken before; nobody uses it.
        unsafe { fixture.frames.give(block, 0).unwrap() };
    }
    assert_eq!(fixture.frames.free_blocks(), at_start);
}

#[test]
fn block_never_taken_and_misaligned_block_are_refused() {
    let mut fixture = Fixture::new(256, 0);
    let block = fixture.frames.take(3).unwrap();
    // SAFETY: refused, or nobody uses it.
    unsafe {
        assert_eq!(fixture.frames.give(block + PAGE_BYTES, 1), Err(NotAllocated));
        assert_eq!(fixture.frames.give(usize::MAX & !0xfff, 0), Err(NotAllocated));
        assert_eq!(fixture.frames.give(block, 4), Err(NotAllocated));
        fixture.frames.give(block, 3).unwrap();
    }
}

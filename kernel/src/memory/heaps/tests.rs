//! The contract that every backend keeps.

use super::*;
use memstat::{Backend, Location};
use proptest::prelude::*;
use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;

use crate::memory::frames::{Frames, PAGE_BYTES};

/// Host memory as a source of pages.
pub(super) struct HostPages {
    pub(super) frames: Frames,
    memory: Vec<(usize, Layout)>,
    pub(super) range: (usize, usize),
}

impl HostPages {
    pub(super) fn new(pages: usize) -> Self {
        let memory_layout = Layout::from_size_align(pages * PAGE_BYTES, 1 << 24).unwrap();
        // SAFETY: the sizes are not zero; each piece has one owner.
        unsafe {
            let start = alloc(memory_layout) as usize;
            let end = start + memory_layout.size();
            let metadata_layout = Layout::from_size_align(Frames::metadata_bytes(start, end), 64).unwrap();
            let metadata = alloc(metadata_layout);
            let mut frames = Frames::empty();
            frames.init(start, end, metadata);
            frames.add(start, end);
            let memory = vec![(start, memory_layout), (metadata as usize, metadata_layout)];
            Self { frames, memory, range: (start, end) }
        }
    }

    fn map(&mut self) -> PageMap {
        let (start, end) = self.range;
        let layout = Layout::from_size_align(PageMap::size_bytes(start, end), 8).unwrap();
        // SAFETY: the size is not zero; the map owns the words until the end.
        unsafe {
            let words = alloc(layout);
            self.memory.push((words as usize, layout));
            PageMap::new(start, end, words.cast())
        }
    }
}

impl Drop for HostPages {
    fn drop(&mut self) {
        for (pointer, layout) in &self.memory {
            // SAFETY: allocated with this layout.
            unsafe { dealloc(*pointer as *mut u8, *layout) };
        }
    }
}

// SAFETY: `Frames` hands out each page once.
unsafe impl PageSource for HostPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        NonNull::new(self.frames.take(order)? as *mut u8)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: handed on to the caller.
        unsafe { self.frames.give(pages.as_ptr() as usize, order) }.unwrap();
    }
}

fn slab(pages: usize) -> Slab<HostPages> {
    let mut source = HostPages::new(pages);
    let map = source.map();
    Slab::new(source, map)
}

fn layout(size_bytes: usize, align_bytes: usize) -> Layout {
    Layout::from_size_align(size_bytes, align_bytes).unwrap()
}

fn free_pages(heap: &Slab<HostPages>) -> usize {
    heap.pages_of_source()
}

impl Slab<HostPages> {
    fn pages_of_source(&self) -> usize {
        self.source().frames.free_pages()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_are_aligned_disjoint_and_keep_their_contents(
        steps in prop::collection::vec((0_u8..5, 0_usize..9000, 0_u32..14, any::<prop::sample::Index>()), 1..500),
    ) {
        let mut heap = slab(2000);
        let mut live = BTreeMap::<usize, (Layout, u8)>::new();
        for (number, (kind, size_bytes, align_log2, index)) in steps.into_iter().enumerate() {
            if kind < 3 || live.is_empty() {
                let wanted = layout(size_bytes, 1 << align_log2);
                let block = heap.allocate(wanted).unwrap().cast::<u8>();
                let address = block.as_ptr() as usize;
                let usable_bytes = heap.usable_size_bytes(wanted);
                prop_assert!(address.is_multiple_of(wanted.align()) && usable_bytes >= size_bytes);
                if let Some((below, (below_layout, _))) = live.range(..=address).next_back() {
                    prop_assert!(below + heap.usable_size_bytes(*below_layout) <= address);
                }
                if let Some((above, _)) = live.range(address..).next() {
                    prop_assert!(address + usable_bytes <= *above);
                }
                let located = heap.locate(address + size_bytes / 2);
                let is_found = matches!(located, Location::Live { start, .. } if start == address);
                prop_assert!(is_found);
                // SAFETY: the block has that many bytes.
                unsafe { block.as_ptr().write_bytes(number as u8, usable_bytes) };
                live.insert(address, (wanted, number as u8));
            } else {
                let (&address, &(wanted, value)) = live.iter().nth(index.index(live.len())).unwrap();
                live.remove(&address);
                // SAFETY: a live block of that layout, which nobody uses any more.
                unsafe {
                    let bytes = std::slice::from_raw_parts(address as *const u8, heap.usable_size_bytes(wanted));
                    prop_assert!(bytes.iter().all(|byte| *byte == value));
                    heap.deallocate(NonNull::new(address as *mut u8).unwrap(), wanted);
                }
                let is_gone = !matches!(heap.locate(address), Location::Live { start, .. } if start == address);
                prop_assert!(is_gone);
            }
        }
        for (address, (wanted, _)) in live {
            // SAFETY: as above.
            unsafe { heap.deallocate(NonNull::new(address as *mut u8).unwrap(), wanted) };
        }
        // One empty slab a class may stay, and the page of its descriptor.
        prop_assert!(free_pages(&heap) >= 2000 - 21);
        prop_assert!((0..).map_while(|number| heap.class(number)).all(|class| class.live_blocks == 0));
    }
}

#[test]
fn exhausted_heap_says_none_and_gives_everything_again_after_the_frees() {
    let mut heap = slab(300);
    for size_bytes in [16, 64, 100, 2048, 4096, 20_000] {
        let fill = |heap: &mut Slab<HostPages>| -> Vec<NonNull<u8>> {
            std::iter::from_fn(|| Some(heap.allocate(layout(size_bytes, 8))?.cast())).collect()
        };
        let blocks = fill(&mut heap);
        let count = blocks.len();
        assert!(count > 0);
        for block in blocks {
            // SAFETY: a live block of that layout.
            unsafe { heap.deallocate(block, layout(size_bytes, 8)) };
        }
        let again = fill(&mut heap);
        assert_eq!(again.len(), count);
        for block in again.into_iter().rev() {
            // SAFETY: a live block of that layout.
            unsafe { heap.deallocate(block, layout(size_bytes, 8)) };
        }
    }
}

#[test]
fn senseless_layouts_are_refused() {
    let mut heap = slab(300);
    assert_eq!(heap.allocate(layout(isize::MAX as usize - 4095, 1)), None);
    assert_eq!(heap.allocate(layout(1, 1 << 62)), None);
    assert_eq!(heap.allocate(layout(1 << 40, 1 << 40)), None);
    let zero = heap.allocate(layout(0, 1)).unwrap().cast::<u8>();
    let other = heap.allocate(layout(0, 1)).unwrap().cast::<u8>();
    assert_ne!(zero, other);
}

#[test]
fn alignment_reaches_two_mebibytes() {
    let mut heap = slab(4096);
    for align_log2 in 0..=21 {
        let block = heap.allocate(layout(24, 1 << align_log2)).unwrap().cast::<u8>();
        assert!((block.as_ptr() as usize).is_multiple_of(1 << align_log2));
    }
}

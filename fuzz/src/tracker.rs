//! Operations of the tracker, held against a plain list of blocks.

use std::alloc::Layout;
use std::ptr::NonNull;

use memstat::{Consistency, GuardLevel, Level, Tracked};

mod host;
use host::{Blocks, Pages};

/// Operations that are taken of one input.
const MAX_OPERATIONS: usize = 2000;
/// Blocks that are live at once.
const MAX_BLOCKS: usize = 256;

/// A live block; all its bytes are `fill`.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    fill: u8,
}

impl Block {
    fn write(&self) {
        // SAFETY: live, of this size, and nobody else's.
        unsafe { self.start.as_ptr().write_bytes(self.fill, self.layout.size()) };
    }

    /// Whether the first `size_bytes` are as they were written.
    fn is_intact(&self, size_bytes: usize) -> bool {
        // SAFETY: live, at least of this size, and written whole.
        let bytes = unsafe { std::slice::from_raw_parts(self.start.as_ptr(), size_bytes) };
        bytes.iter().all(|byte| *byte == self.fill)
    }
}

/// Takes each four bytes as an operation. The tracker agrees with the list at the end, no block is damaged, and no bad
/// free reaches the backend.
///
/// # Panics
///
/// If one of that is not so.
pub fn tracker(input: &[u8]) {
    let heap = Box::new(Tracked::new(Pages::default()));
    heap.start(Blocks::default());
    let mut blocks: Vec<Block> = Vec::new();
    for [operation, low, high, other] in input.as_chunks::<4>().0.iter().take(MAX_OPERATIONS) {
        let size_bytes = usize::from(u16::from_le_bytes([*low, *high])) % 5000;
        let chosen = usize::from(*other).checked_rem(blocks.len());
        match (operation % 12, chosen) {
            (0..=3, _) if blocks.len() < MAX_BLOCKS => {
                let layout = Layout::from_size_align(size_bytes, 1 << (other % 9)).expect("a small layout");
                let start = heap.allocate(layout).expect("the host has memory");
                assert!(start.addr().get().is_multiple_of(layout.align()));
                let block = Block { start, layout, fill: *other };
                block.write();
                blocks.push(block);
            }
            (4..=5, Some(chosen)) => {
                let block = blocks.swap_remove(chosen);
                assert!(block.is_intact(block.layout.size()), "somebody wrote into a live block");
                let is_twice = low % 8 == 0;
                // SAFETY: live, and nobody uses it; the second free must be refused.
                unsafe {
                    assert_eq!(heap.free_with_layout(block.start, block.layout), Ok(()));
                    assert!(!is_twice || heap.free(block.start).is_err(), "a double free passed");
                }
            }
            (6, Some(chosen)) => {
                let inside = blocks[chosen].start.as_ptr().wrapping_add(8);
                let inside = NonNull::new(inside).expect("behind a block");
                // SAFETY: the tracker refuses it.
                assert!(unsafe { heap.free(inside) }.is_err(), "an interior pointer passed");
            }
            (7, Some(chosen)) => {
                let block = &mut blocks[chosen];
                if *operation >= 128 {
                    let claimed_bytes = block.layout.size() + 4096;
                    let claimed =
                        Layout::from_size_align(claimed_bytes, block.layout.align()).expect("small");
                    // SAFETY: the tracker refuses it.
                    let moved = unsafe { heap.reallocate_with_layout(block.start, claimed, size_bytes) };
                    assert!(moved.is_err(), "a wrong layout was believed");
                }
                // SAFETY: live, of this layout, and nobody uses the old place afterwards.
                let moved = unsafe { heap.reallocate_with_layout(block.start, block.layout, size_bytes) };
                block.start = moved.expect("a live block").expect("the host has memory");
                let kept_bytes = size_bytes.min(block.layout.size());
                assert!(block.is_intact(kept_bytes), "a move lost bytes");
                block.layout = Layout::from_size_align(size_bytes, block.layout.align()).expect("small");
                block.write();
            }
            (8, _) => heap.set_level(Level::ALL[usize::from(*other) % Level::ALL.len()]),
            (9, _) => heap.guards().set_level(GuardLevel::ALL[usize::from(*other) % GuardLevel::ALL.len()]),
            (10, _) => {
                heap.guards().flush_quarantine();
                heap.reclaim();
            }
            _ => assert_eq!(heap.check_consistency(), Consistency::Holds),
        }
    }
    assert_eq!(heap.check_consistency(), Consistency::Holds);
    assert_eq!(heap.counters().live_blocks, blocks.len() as u64);
    for block in blocks {
        assert!(block.is_intact(block.layout.size()), "somebody wrote into a live block");
        // SAFETY: live, and nobody uses it.
        assert_eq!(unsafe { heap.free(block.start) }, Ok(()));
    }
    heap.guards().flush_quarantine();
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, counters.live_bytes), (0, 0));
    assert_eq!(heap.with_backend(|backend| backend.0.len()), Some(0), "a block was never given back");
}

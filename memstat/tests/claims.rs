//! Wrong layouts from callers: at no level is one accepted where the backend knows the block's size, so nothing is copied
//! past a block's end, and no block is given back with a wrong layout.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use std::alloc::Layout;
use std::ptr::NonNull;

use common::{HostBackend, HostPlatform};
use memstat::{BadFreeKind, Consistency, GuardLevel, Level, Tracked};

type Heap = Tracked<HostBackend, HostPlatform>;

fn heap(level: Level, guard: GuardLevel) -> Heap {
    let heap = Tracked::new(HostPlatform::default());
    heap.start(HostBackend::default());
    heap.set_level(level);
    heap.guards().set_level(guard);
    heap
}

fn layout(size_bytes: usize, align_bytes: usize) -> Layout {
    Layout::from_size_align(size_bytes, align_bytes).unwrap()
}

fn bytes(block: NonNull<u8>, count: usize) -> Vec<u8> {
    // SAFETY: the tests ask for bytes of live blocks that they wrote.
    unsafe { std::slice::from_raw_parts(block.as_ptr(), count) }.to_vec()
}

#[test]
fn a_reallocation_with_a_wrong_layout_is_refused_and_changes_nothing() {
    for level in Level::ALL {
        for guard in GuardLevel::ALL {
            let heap = heap(level, guard);
            let right = layout(40, 8);
            let block = heap.allocate(right).unwrap();
            // SAFETY: a fresh block.
            unsafe { block.write_bytes(7, right.size()) };
            let before = heap.counters();
            for claimed in [layout(4096, 8), layout(1 << 30, 8), layout(65, 8), layout(8, 8)] {
                for new_size_bytes in [1, 40, 41, 4096, 8192] {
                    // SAFETY: refused.
                    let moved = unsafe { heap.reallocate_with_layout(block, claimed, new_size_bytes) };
                    let kind = moved.unwrap_err().kind;
                    assert!(
                        matches!(kind, BadFreeKind::WrongLayout { .. }),
                        "{level} {guard} {claimed:?}: {kind:?}"
                    );
                }
            }
            assert_eq!(heap.counters(), memstat::Counters { bad_frees: before.bad_frees + 20, ..before });
            assert_eq!(bytes(block, right.size()), [7; 40]);
            assert_eq!(heap.check_consistency(), Consistency::Holds);
            // SAFETY: live, of this layout, and nobody uses the old place.
            let moved = unsafe { heap.reallocate_with_layout(block, right, 300) }.unwrap().unwrap();
            assert_eq!(bytes(moved, right.size()), [7; 40]);
            // SAFETY: live, of this layout.
            unsafe { heap.free_with_layout(moved, layout(300, 8)) }.unwrap();
            heap.guards().flush_quarantine();
            assert_eq!((heap.counters().live_blocks, heap.counters().taken_bytes), (0, 0));
        }
    }
}

/// Without a record the backend uses only the pointer, so the block is freed with its own layout.
#[test]
fn a_free_with_a_wrong_layout_uses_the_blocks_own_or_is_refused() {
    for level in Level::ALL {
        let heap = heap(level, GuardLevel::Off);
        let block = heap.allocate(layout(40, 8)).unwrap();
        // SAFETY: live, and nobody uses it.
        let freed = unsafe { heap.free_with_layout(block, layout(4096, 8)) };
        assert_eq!(freed.is_err(), level >= Level::Blocks, "{level}");
        if freed.is_err() {
            // SAFETY: live still.
            unsafe { heap.free(block) }.unwrap();
        }
        assert_eq!((heap.counters().live_blocks, heap.counters().taken_bytes), (0, 0));
        assert_eq!(heap.with_backend(|backend| backend.live.len()), Some(0));
    }
}

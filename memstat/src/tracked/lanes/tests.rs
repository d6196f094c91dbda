//! When lanes come.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::System;
use std::boxed::Box;
use std::thread;

use crate::{Consistency, HostPlatform, Level, Over, Tracked};

const LAYOUT: Layout = Layout::new::<[u64; 8]>();

type Heap = Tracked<Over<System>, HostPlatform>;

fn use_it(heap: &Heap, blocks: usize) -> Vec<usize> {
    let block = heap.allocate(LAYOUT).unwrap();
    // SAFETY: live, and nobody uses it.
    unsafe {
        let moved = heap.reallocate_with_layout(block, LAYOUT, 300).unwrap().unwrap();
        // Below level `blocks` only the caller knows the layout.
        heap.free_with_layout(moved, Layout::from_size_align_unchecked(300, 8)).unwrap();
    }
    (0..blocks).map(|_| heap.allocate(LAYOUT).unwrap().as_ptr() as usize).collect()
}

#[test]
fn one_thread_has_no_lane_until_a_second_one_allocates_and_not_when_that_only_reads() {
    for level in Level::ALL {
        // A program's tracker is there for ever.
        let heap: &Heap = Box::leak(Box::new(Tracked::over(HostPlatform, Over(System), Level::Blocks)));
        heap.set_level(level);
        let mut blocks = use_it(heap, 100);
        thread::spawn(|| heap.counters()).join().unwrap();
        blocks.extend(use_it(heap, 100));
        assert!(!heap.inner.has_lanes(), "{level}");
        blocks.extend(thread::spawn(|| use_it(heap, 100)).join().unwrap());
        assert!(heap.inner.has_lanes(), "{level}");
        blocks.extend(use_it(heap, 100));
        assert_eq!((heap.counters().live_blocks, heap.check_consistency()), (400, Consistency::Holds));
        for block in blocks {
            // SAFETY: live, and nobody uses it.
            unsafe { heap.free_with_layout(NonNull::new(block as *mut u8).unwrap(), LAYOUT) }.unwrap();
        }
        assert_eq!((heap.counters().live_blocks, heap.check_consistency()), (0, Consistency::Holds));
    }
}

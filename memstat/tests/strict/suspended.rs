//! Operations during another operation: from functions that the tracker calls with its lock held, on each of its paths;
//! and operations for which a page is missing.

use std::alloc::Layout;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use super::Heap;
use super::window::{PageBackend, WindowPlatform};
use memstat::{Access, Consistency, GuardLevel, Level, LockRefusals, Tracked, Unexplained};

/// The heap that [`break_in`] uses, and a live block of it.
struct Below {
    heap: *const Heap,
    victim: NonNull<u8>,
    times: u64,
}

thread_local! {
    static BELOW: RefCell<Option<Below>> = const { RefCell::new(None) };
}

const LAYOUT: Layout = Layout::new::<[u64; 5]>();

/// Uses the heap as an interrupt handler would if interrupts were enabled under the lock.
fn break_in() {
    BELOW.with_borrow_mut(|below| {
        let Some(below) = below else { return };
        below.times += 1;
        // SAFETY: the test's heap outlives its operations.
        let heap = unsafe { &*below.heap };
        assert_eq!(heap.allocate(LAYOUT), None);
        // SAFETY: the block is live, and not used; all is refused.
        unsafe {
            heap.free(below.victim).unwrap();
            heap.free_with_layout(below.victim, LAYOUT).unwrap();
            assert_eq!(heap.reallocate(below.victim, 7), Ok(None));
        }
        assert_eq!(
            heap.guards().explain_access(below.victim.as_ptr() as usize, Access::Write),
            Err(Unexplained::Busy)
        );
        assert!(heap.try_snapshot::<4>().is_none());
    });
}

fn heap(level: Level, guard: GuardLevel, interval: u32, under_lock: fn()) -> Box<Heap> {
    let platform = WindowPlatform::new(under_lock);
    platform.is_alone.store(true, Ordering::Relaxed);
    let heap = Box::new(Tracked::new(platform));
    heap.start(PageBackend::default());
    heap.set_level(level);
    heap.guards().set_level(guard);
    heap.guards().set_sample_slots(4);
    assert!(heap.guards().set_sampling_interval(interval));
    heap
}

/// Blocks of each kind: sampled and not sampled, resized and moved, freed, and in quarantine.
fn use_all(heap: &Heap) {
    let mut blocks = Vec::new();
    for size_bytes in [40, 0, 4096, 100, 5000, 16, 24, 8, 70, 300] {
        let layout = Layout::from_size_align(size_bytes, 8).unwrap();
        if let Some(block) = heap.allocate(layout) {
            blocks.push(block);
        }
    }
    for (block, size_bytes) in blocks.iter_mut().zip([41, 200, 4000, 100, 1]) {
        // SAFETY: live, and not used.
        if let Some(moved) = unsafe { heap.reallocate(*block, size_bytes) }.unwrap() {
            *block = moved;
        }
    }
    for block in blocks {
        // SAFETY: live, and not used.
        unsafe { heap.free(block) }.unwrap();
        assert_eq!(heap.check_consistency(), Consistency::Holds);
    }
}

const CASES: [(GuardLevel, u32); 7] = [
    (GuardLevel::Off, 0),
    (GuardLevel::Off, 1),
    (GuardLevel::Off, 3),
    (GuardLevel::RedZone, 0),
    (GuardLevel::RedZone, 2),
    (GuardLevel::Full, 0),
    (GuardLevel::Full, 2),
];

#[test]
fn operations_from_under_the_lock_are_refused_on_every_path_and_change_nothing() {
    for (guard, interval) in CASES {
        for level in [Level::Blocks, Level::Stacks, Level::Full] {
            let heap = heap(level, guard, interval, break_in);
            let victim = heap.allocate(LAYOUT).unwrap();
            let before = heap.counters();
            BELOW.replace(Some(Below { heap: &raw const *heap, victim, times: 0 }));
            use_all(&heap);
            let times = BELOW.take().unwrap().times;
            assert!(times > 10, "{guard} {interval} {level:?}: {times}");
            let refused = LockRefusals { allocations: times, frees: 2 * times, reallocations: times };
            assert_eq!(heap.statistics().lock_refusals(), refused);
            let after = heap.counters();
            assert_eq!(after.live_blocks, before.live_blocks);
            assert_eq!((after.live_bytes, after.bad_frees), (before.live_bytes, 0));
            // SAFETY: it is live still, and not used.
            unsafe { heap.free_with_layout(victim, LAYOUT) }.unwrap();
            heap.guards().set_level(GuardLevel::Off);
            heap.guards().set_sampling_interval(0);
            assert_eq!(heap.guards().statistics().sample_slots, 0);
            assert_eq!(heap.counters().live_blocks, 0);
        }
    }
}

/// Pages for the arena and for the pool run out at every point once, and are available again later.
#[test]
fn figures_agree_wherever_pages_run_out() {
    for (guard, interval) in CASES {
        for pages in 0..60 {
            let heap = heap(Level::Full, guard, interval, || {});
            let left = &heap.platform().pages_left;
            left.store(pages, Ordering::Relaxed);
            heap.history().set_capacity(100);
            use_all(&heap);
            use_all(&heap);
            left.store(usize::MAX, Ordering::Relaxed);
            use_all(&heap);
            heap.guards().set_level(GuardLevel::Off);
            heap.guards().set_sampling_interval(0);
            let counters = heap.counters();
            assert_eq!((counters.live_blocks, counters.live_bytes, counters.taken_bytes), (0, 0, 0));
            assert_eq!(counters.bad_frees, 0);
            let live = heap.with_backend(memstat::Backend::live).flatten().unwrap();
            assert_eq!((live.blocks, live.bytes), (0, 0));
            assert_eq!(heap.guards().statistics().sample_slots, 0);
        }
    }
}

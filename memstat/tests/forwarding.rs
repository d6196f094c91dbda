//! What the tracker hands on to a backend that can do it better: zeroed memory, and reallocations. The figures must be
//! as exact as if it had done all itself.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::ptr::NonNull;

use common::{FIRST_SITE_ADDRESS, HostBackend, HostPlatform};
use memstat::{Backend, Consistency, EventKind, GuardLevel, Level, Location, Over, Tracked};
use proptest::prelude::*;

/// What the backend was asked for.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Asked {
    zeroed: usize,
    grow: usize,
    shrink: usize,
}

/// The system's allocator, which counts what it is asked for and moves each block that is resized if it `is_moving`.
#[derive(Debug, Default)]
struct Counting {
    asked: Asked,
    is_moving: bool,
    is_full: bool,
    live: HashMap<usize, Layout>,
}

// SAFETY: the system's allocator keeps the contract.
unsafe impl Backend for Counting {
    const HAS_ZEROED: bool = true;
    const HAS_RESIZE: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        if self.is_full {
            return None;
        }
        // SAFETY: the tests ask for no size of zero.
        let block = NonNull::new(unsafe { System.alloc(layout) })?;
        assert_eq!(self.live.insert(block.as_ptr() as usize, layout), None);
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    fn allocate_zeroed(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.asked.zeroed += 1;
        let block = self.allocate(layout)?;
        // SAFETY: a fresh block.
        unsafe { block.cast::<u8>().write_bytes(0, layout.size()) };
        Some(block)
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        assert_eq!(self.live.remove(&(block.as_ptr() as usize)), Some(layout), "with the layout that it has");
        // SAFETY: upheld by the caller.
        unsafe { System.dealloc(block.as_ptr(), layout) };
        layout.size()
    }

    unsafe fn grow(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        self.asked.grow += 1;
        // SAFETY: upheld by the caller.
        unsafe { self.resize(block, old, new) }
    }

    unsafe fn shrink(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        self.asked.shrink += 1;
        // SAFETY: upheld by the caller.
        unsafe { self.resize(block, old, new) }
    }
}

impl Counting {
    unsafe fn resize(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        if self.is_full {
            return None;
        }
        if self.is_moving {
            let moved = self.allocate(new)?;
            // SAFETY: both are live; the old one is given up.
            unsafe {
                moved.cast::<u8>().copy_from_nonoverlapping(block, old.size().min(new.size()));
                self.deallocate(block, old);
            }
            return Some(moved);
        }
        assert_eq!(self.live.remove(&(block.as_ptr() as usize)), Some(old), "with the layout that it has");
        // SAFETY: upheld by the caller.
        let resized = NonNull::new(unsafe { System.realloc(block.as_ptr(), old, new.size()) })?;
        self.live.insert(resized.as_ptr() as usize, new);
        Some(NonNull::slice_from_raw_parts(resized, new.size()))
    }
}

type Heap = Tracked<Counting, HostPlatform>;

fn heap(level: Level, is_moving: bool) -> Box<Heap> {
    let backend = Counting { is_moving, ..Counting::default() };
    let heap = Box::new(Tracked::over(HostPlatform::default(), backend, Level::Off));
    heap.set_level(level);
    heap
}

fn layout(size_bytes: usize) -> Layout {
    Layout::from_size_align(size_bytes, 8).unwrap()
}

fn asked(heap: &Heap) -> Asked {
    heap.with_backend(|backend| backend.asked).unwrap()
}

/// Resizes a block as `GlobalAlloc` does.
fn resize(heap: &Heap, block: NonNull<u8>, from: usize, to: usize) -> NonNull<u8> {
    // SAFETY: the tests resize what is live, and go on with the new place.
    unsafe { heap.reallocate_with_layout(block, layout(from), to) }.unwrap().unwrap()
}

#[test]
fn zeroed_memory_comes_from_the_backend_at_each_level() {
    for level in Level::ALL {
        let heap = heap(level, false);
        let size_bytes = 1 << 20;
        let block = heap.allocate_zeroed(layout(size_bytes)).unwrap();
        assert!(
            // SAFETY: the block is live and has that size.
            unsafe { std::slice::from_raw_parts(block.as_ptr(), size_bytes) }.iter().all(|byte| *byte == 0)
        );
        assert_eq!(asked(&heap).zeroed, 1, "{level}");
        let counters = heap.counters();
        assert_eq!((counters.live_blocks, counters.taken_bytes), (1, size_bytes as u64), "{level}");
        let expected = if level >= Level::Blocks { size_bytes as u64 } else { 0 };
        assert_eq!(counters.live_bytes, expected, "{level}");
        // SAFETY: live.
        unsafe { heap.free_with_layout(block, layout(size_bytes)) }.unwrap();
        assert_eq!(
            (heap.counters().live_blocks, heap.check_consistency()),
            (0, Consistency::Holds),
            "{level}"
        );
    }
}

#[test]
fn a_gibibyte_of_zeroed_memory_is_not_touched() {
    if std::env::var("LD_PRELOAD").is_ok_and(|libraries| libraries.contains("vgpreload")) {
        // valgrind's allocator writes all of it.
        return;
    }
    let resident_kb = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap()
    };
    let heap = Box::new(Tracked::over(HostPlatform::default(), Over(System), Level::Blocks));
    let before = resident_kb();
    let block = heap.allocate_zeroed(layout(1 << 30)).unwrap();
    assert!(resident_kb() < before + (100 << 10), "from {before} kB to {} kB", resident_kb());
    // SAFETY: live.
    unsafe { heap.free(block) }.unwrap();
}

#[test]
fn a_reallocation_is_the_backend_s_and_its_figures_are_exact() {
    for (level, is_moving) in Level::ALL.into_iter().flat_map(|level| [(level, false), (level, true)]) {
        let what = format!("{level}, moving: {is_moving}");
        let heap = heap(level, is_moving);
        let block = heap.allocate(layout(100)).unwrap();
        // SAFETY: live, and that long.
        unsafe { block.write_bytes(7, 100) };
        let grown = resize(&heap, block, 100, 10_000);
        let shrunk = resize(&heap, grown, 10_000, 50);
        assert_eq!(asked(&heap), Asked { zeroed: 0, grow: 1, shrink: 1 }, "{what}");
        // SAFETY: live, and that long.
        assert!(unsafe { std::slice::from_raw_parts(shrunk.as_ptr(), 50) }.iter().all(|byte| *byte == 7));
        let counters = heap.counters();
        assert_eq!((counters.live_blocks, counters.taken_bytes), (1, 50), "{what}");
        if level >= Level::Counters {
            assert_eq!(counters.reallocations, 2, "{what}");
            assert_eq!(counters.allocations - counters.frees, 1, "{what}");
        }
        if level >= Level::Blocks {
            assert_eq!((counters.live_bytes, counters.peak_live_bytes), (50, 10_000), "{what}");
            let record = heap.blocks().get(shrunk.as_ptr() as usize).unwrap();
            assert_eq!((record.size_bytes(), record.align_bytes()), (50, 8));
            assert_eq!(heap.blocks().count(), 1, "{what}");
            if is_moving && block != shrunk {
                // SAFETY: not live any more: refused.
                unsafe { heap.free(block) }.unwrap_err();
            }
        }
        // SAFETY: live.
        unsafe { heap.free_with_layout(shrunk, layout(50)) }.unwrap();
        assert_eq!(
            (heap.counters().live_blocks, heap.check_consistency()),
            (0, Consistency::Holds),
            "{what}"
        );
    }
}

#[test]
fn a_reallocation_is_charged_to_the_stack_that_asked_for_it() {
    for is_moving in [false, true] {
        let heap = heap(Level::Full, is_moving);
        let site = |number| heap.platform().site.store(number, std::sync::atomic::Ordering::Relaxed);
        let sited = |address: usize| {
            let stack = heap.stacks().get(heap.blocks().get(address).unwrap().stack()).unwrap();
            (stack.frames().to_vec(), stack.live_blocks, stack.live_bytes)
        };
        site(1);
        let block = heap.allocate(layout(5000)).unwrap();
        site(2);
        let grown = resize(&heap, block, 5000, 9000);
        assert_eq!(sited(grown.as_ptr() as usize), (vec![FIRST_SITE_ADDRESS + 2], 1, 9000));
        let kinds: Vec<_> = {
            let mut events = [memstat::Event::EMPTY; 8];
            let count = heap.history().read(0, &mut events).count;
            events.iter().take(count).map(memstat::Event::kind).collect()
        };
        let expected: &[_] = if grown == block {
            &[EventKind::Allocate, EventKind::ReallocateFrom, EventKind::Reallocate]
        } else {
            &[EventKind::Allocate, EventKind::Free, EventKind::Allocate]
        };
        assert_eq!(kinds, expected);
        site(3);
        let zeroed = heap.allocate_zeroed(layout(8192)).unwrap();
        assert_eq!(sited(zeroed.as_ptr() as usize), (vec![FIRST_SITE_ADDRESS + 3], 1, 8192));
        // SAFETY: both are live.
        unsafe {
            heap.free(grown).unwrap();
            heap.free(zeroed).unwrap();
        }
    }
}

#[test]
fn wrong_reallocations_are_refused_and_failed_ones_change_nothing() {
    let heap = heap(Level::Blocks, false);
    let block = heap.allocate(layout(100)).unwrap();
    // SAFETY: all are refused, or fail.
    unsafe {
        heap.reallocate_with_layout(block, layout(101), 200).unwrap_err();
        heap.reallocate(block.add(8), 200).unwrap_err();
        assert_eq!(heap.reallocate_with_layout(block, layout(100), isize::MAX as usize), Ok(None));
        assert_eq!(heap.reallocate_with_layout(block, layout(100), usize::MAX), Ok(None));
    }
    assert_eq!(asked(&heap).shrink, 0);
    let counters = heap.counters();
    assert_eq!((counters.live_bytes, counters.bad_frees, counters.failures), (100, 2, 2));
    assert_eq!((counters.reallocations, heap.check_consistency()), (0, Consistency::Holds));
    // SAFETY: live.
    unsafe { heap.free(block) }.unwrap();
}

#[test]
fn guarded_blocks_are_moved_by_the_tracker_which_keeps_their_guards() {
    for guard in [GuardLevel::RedZone, GuardLevel::Full] {
        let heap = heap(Level::Blocks, false);
        heap.guards().set_level(guard);
        let block = heap.allocate_zeroed(layout(5000)).unwrap();
        let grown = resize(&heap, block, 5000, 9000);
        assert_eq!(asked(&heap), Asked::default(), "nothing is forwarded");
        // SAFETY: live, and that long: then a byte behind it is written, which lies in the red zone.
        unsafe {
            assert!(std::slice::from_raw_parts(grown.as_ptr(), 5000).iter().all(|byte| *byte == 0));
            grown.add(9000).write(1);
            heap.free(grown).unwrap();
        }
        assert_eq!(heap.guards().statistics().overruns, 1, "{guard:?}");
        // A block of the time without guards gets some when it is resized.
        heap.guards().set_level(GuardLevel::Off);
        let plain = heap.allocate(layout(5000)).unwrap();
        heap.guards().set_level(guard);
        let guarded = resize(&heap, plain, 5000, 9000);
        assert_eq!((asked(&heap), heap.guards().statistics().guarded_blocks), (Asked::default(), 1));
        // SAFETY: live.
        unsafe { heap.free(guarded) }.unwrap();
        heap.guards().flush_quarantine();
        assert_eq!(heap.check_consistency(), Consistency::Holds);
    }
}

#[test]
fn a_backend_without_a_better_way_is_called_as_ever() {
    /// All defaults.
    struct Plain;
    // SAFETY: the system's allocator keeps the contract.
    unsafe impl Backend for Plain {
        fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
            // SAFETY: the test asks for no size of zero.
            Some(NonNull::slice_from_raw_parts(NonNull::new(unsafe { System.alloc(layout) })?, layout.size()))
        }

        unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
            // SAFETY: upheld by the caller.
            unsafe { System.dealloc(block.as_ptr(), layout) };
            layout.size()
        }
    }
    assert_eq!(Plain.locate(0), Location::Unsupported);
    // The defaults themselves, as somebody else may call them.
    let mut plain = Plain;
    let block = plain.allocate_zeroed(layout(64)).unwrap();
    // SAFETY: live, with these layouts.
    unsafe {
        assert_eq!(block.as_ref(), [0; 64]);
        let grown = plain.grow(block.cast(), layout(64), layout(6400)).unwrap();
        assert_eq!(&grown.as_ref()[..64], [0; 64]);
        let shrunk = plain.shrink(grown.cast(), layout(6400), layout(10)).unwrap();
        assert_eq!(shrunk.as_ref(), [0; 10]);
        assert_eq!(plain.deallocate(shrunk.cast(), layout(10)), 10);
        assert_eq!(plain.deallocate_fast(0, Some(layout(10))), None);
    }
    for level in Level::ALL {
        let heap = Box::new(Tracked::over(HostPlatform::default(), Plain, Level::Blocks));
        heap.set_level(level);
        let block = heap.allocate_zeroed(layout(5000)).unwrap();
        // SAFETY: live.
        let moved = unsafe { heap.reallocate_with_layout(block, layout(5000), 7000) }.unwrap().unwrap();
        let counters = heap.counters();
        assert_eq!((counters.live_blocks, counters.taken_bytes), (1, 7000), "{level}");
        // SAFETY: live.
        unsafe { heap.free_with_layout(moved, layout(7000)) }.unwrap();
        assert_eq!(
            (heap.counters().live_blocks, heap.check_consistency()),
            (0, Consistency::Holds),
            "{level}"
        );
    }
}

#[test]
fn at_level_off_only_what_is_live_is_counted_and_nothing_is_lost_by_a_switch() {
    let heap = heap(Level::Off, false);
    let first = heap.allocate(layout(100)).unwrap();
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, counters.taken_bytes, counters.uncounted_blocks), (1, 100, 1));
    assert_eq!((counters.allocations, counters.requested_bytes), (0, 0));
    heap.set_level(Level::Counters);
    let second = heap.allocate(layout(50)).unwrap();
    // SAFETY: live.
    unsafe { heap.free_with_layout(first, layout(100)) }.unwrap();
    heap.set_level(Level::Off);
    // SAFETY: live.
    unsafe { heap.free_with_layout(second, layout(50)) }.unwrap();
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, counters.taken_bytes, counters.uncounted_blocks), (0, 0, 0));
    assert_eq!((counters.allocations, counters.frees), (1, 1));
}

#[test]
fn a_backend_can_be_given_memory_while_it_runs() {
    let backend = HostBackend { limit_bytes: Some(0), ..HostBackend::default() };
    let heap = Box::new(Tracked::over(HostPlatform::default(), backend, Level::Blocks));
    assert_eq!((heap.allocate(layout(100)), heap.counters().failures), (None, 1));
    heap.with_backend_mut(|backend| backend.limit_bytes = None);
    let block = heap.allocate(layout(100)).unwrap();
    // SAFETY: live.
    unsafe { heap.free(block) }.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Allocate(usize, bool),
    Resize(usize, usize),
    Free(usize),
    Level(usize),
    Guard(GuardLevel),
    Full(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![1..600_usize, 1..20_000_usize];
    prop_oneof![
        4 => (size.clone(), any::<bool>()).prop_map(|(size, is_zeroed)| Step::Allocate(size, is_zeroed)),
        4 => (any::<usize>(), size).prop_map(|(which, size)| Step::Resize(which, size)),
        3 => any::<usize>().prop_map(Step::Free),
        1 => (0..5_usize).prop_map(Step::Level),
        1 => prop_oneof![Just(GuardLevel::Off), Just(GuardLevel::RedZone), Just(GuardLevel::Full)]
            .prop_map(Step::Guard),
        1 => any::<bool>().prop_map(Step::Full),
    ]
}

proptest! {
    #[test]
    fn any_history_leaves_the_books_in_balance(steps in prop::collection::vec(step(), 1..200), is_moving: bool) {
        let heap = heap(Level::Stacks, is_moving);
        let mut live: Vec<(NonNull<u8>, usize, u8)> = Vec::new();
        let check = |(block, size, byte): (NonNull<u8>, usize, u8)| {
            // SAFETY: live, and that long.
            let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
            assert!(bytes.iter().all(|found| *found == byte), "contents stay");
        };
        let mut is_full = false;
        for (number, step) in steps.into_iter().enumerate() {
            let byte = number as u8;
            match step {
                Step::Allocate(size, is_zeroed) => {
                    let block =
                        if is_zeroed { heap.allocate_zeroed(layout(size)) } else { heap.allocate(layout(size)) };
                    let Some(block) = block else { assert!(is_full); continue };
                    if is_zeroed {
                        check((block, size, 0));
                    }
                    // SAFETY: live, and that long.
                    unsafe { block.write_bytes(byte, size) };
                    live.push((block, size, byte));
                }
                Step::Resize(which, new) if !live.is_empty() => {
                    let place = which % live.len();
                    let (block, old, known) = live[place];
                    // SAFETY: live; the new place takes its place.
                    let moved = unsafe { heap.reallocate_with_layout(block, layout(old), new) }.unwrap();
                    let Some(moved) = moved else { assert!(is_full); check(live[place]); continue };
                    check((moved, old.min(new), known));
                    // SAFETY: live, and that long.
                    unsafe { moved.write_bytes(byte, new) };
                    live[place] = (moved, new, byte);
                }
                Step::Free(which) if !live.is_empty() => {
                    let (block, size, byte) = live.swap_remove(which % live.len());
                    check((block, size, byte));
                    // SAFETY: live.
                    unsafe { heap.free_with_layout(block, layout(size)) }.unwrap();
                }
                Step::Level(number) => heap.set_level(Level::ALL[number]),
                Step::Guard(level) => heap.guards().set_level(level),
                Step::Full(now) => {
                    is_full = now;
                    heap.with_backend_mut(|backend| backend.is_full = now);
                }
                _ => {}
            }
            prop_assert_eq!(heap.counters().live_blocks, live.len() as u64);
        }
        prop_assert_eq!(heap.check_consistency(), Consistency::Holds);
        for (block, size, byte) in live {
            check((block, size, byte));
            // SAFETY: live.
            unsafe { heap.free_with_layout(block, layout(size)) }.unwrap();
        }
        heap.guards().flush_quarantine();
        prop_assert_eq!(heap.check_consistency(), Consistency::Holds);
        let counters = heap.counters();
        prop_assert_eq!((counters.live_blocks, counters.live_bytes, counters.taken_bytes), (0, 0, 0));
        prop_assert_eq!(heap.with_backend(|backend| backend.live.len()), Some(0));
    }
}

//! The tracker against a plain model, through long random sequences.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "common/blind.rs"]
mod blind;
mod common;
#[path = "common/records.rs"]
mod records;

use std::alloc::Layout;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;

use blind::BlindBackend;
use common::{HostBackend, HostPlatform};
use memstat::{BadFreeKind, Consistency, Event, EventKind, Level, Platform, Record, Tracked};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence::{self, WithSource};
use proptest::test_runner::TestRng;
use records::read_all;

type Heap = Tracked<HostBackend, HostPlatform>;

fn heap() -> Box<Heap> {
    let heap = Box::new(Tracked::new(HostPlatform::default()));
    heap.start(HostBackend::default());
    heap
}

fn layout(size_bytes: usize, align_bytes: usize) -> Layout {
    Layout::from_size_align(size_bytes, align_bytes).unwrap()
}

#[test]
fn reclaiming_gives_back_all_spare_pages() {
    let heap = heap();
    let blocks: Vec<_> = (0..20_000).map(|_| heap.allocate(layout(16, 16)).unwrap()).collect();
    let pages = || heap.platform().pages.load(std::sync::atomic::Ordering::Relaxed);
    let most = pages();
    for block in &blocks {
        // SAFETY: from `allocate`, each once.
        unsafe { heap.free(*block) }.unwrap();
    }
    let kept = pages();
    heap.reclaim();
    let statistics = heap.statistics().arena();
    assert!(kept < most && pages() < kept, "{most} pages, {kept} after the frees, {} after that", pages());
    assert_eq!(statistics.held_bytes, statistics.used_bytes);
    // It grows again.
    let block = heap.allocate(layout(16, 16)).unwrap();
    assert_eq!(heap.blocks().count(), 1);
    // SAFETY: from `allocate`.
    unsafe { heap.free(block) }.unwrap();
}

/// Counters, live map and model agree.
fn assert_agrees(heap: &Heap, model: &BTreeMap<usize, Layout>) {
    let counters = heap.counters();
    assert_eq!(counters.live_blocks, model.len() as u64);
    let counted = counters.allocations as i64 - counters.frees as i64;
    assert_eq!(counters.live_blocks as i64, counted + counters.uncounted_blocks);
    assert_eq!(heap.blocks().count() as u64, counters.recorded_blocks());
    assert_eq!(heap.check_consistency(), Consistency::Holds);
    let recorded = read_all(heap, 100);
    assert_eq!(counters.recorded_blocks(), recorded.len() as u64);
    let bytes: usize = recorded.iter().map(Record::size_bytes).sum();
    assert_eq!(counters.live_bytes, bytes as u64);
    for record in &recorded {
        assert_eq!(model.get(&record.address()), Some(&record.layout()));
    }
    heap.with_backend(|backend| {
        assert_eq!(backend.live.len(), model.len());
        assert_eq!(backend.live_bytes as u64, counters.taken_bytes);
    });
}

fn assert_records_agree(heap: &Heap, model: &BTreeMap<usize, Layout>) {
    let records = read_all(heap, 7);
    let found: BTreeMap<usize, Layout> =
        records.iter().map(|record| (record.address(), record.layout())).collect();
    assert_eq!(records.len(), found.len(), "no record appears twice");
    assert_eq!(&found, model);
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { size_bytes: usize, align_log2: u32 },
    Free { pick: usize },
    FreeWithWrongLayout { pick: usize },
    FreeTwice { pick: usize },
    FreeInside { pick: usize },
    Reallocate { pick: usize, size_bytes: usize },
    Exhaust { size_bytes: usize },
    SetLevel { level: Level },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..5000, 0_u32..9).prop_map(|(size_bytes, align_log2)| Step::Allocate { size_bytes, align_log2 }),
        4 => any::<usize>().prop_map(|pick| Step::Free { pick }),
        1 => any::<usize>().prop_map(|pick| Step::FreeWithWrongLayout { pick }),
        1 => any::<usize>().prop_map(|pick| Step::FreeTwice { pick }),
        1 => any::<usize>().prop_map(|pick| Step::FreeInside { pick }),
        2 => (any::<usize>(), 0_usize..5000).prop_map(|(pick, size_bytes)| Step::Reallocate { pick, size_bytes }),
        1 => prop::sample::select(Level::ALL.to_vec()).prop_map(|level| Step::SetLevel { level }),
        1 => (1_usize << 41..1 << 46).prop_map(|size_bytes| Step::Exhaust { size_bytes }),
    ]
}

fn pick(model: &BTreeMap<usize, Layout>, number: usize) -> Option<(NonNull<u8>, Layout)> {
    let (&address, &layout) = model.iter().nth(number.checked_rem(model.len())?)?;
    Some((NonNull::new(address as *mut u8)?, layout))
}

fn apply(heap: &Heap, model: &mut BTreeMap<usize, Layout>, step: &Step) {
    match *step {
        Step::Allocate { size_bytes, align_log2 } => {
            let layout = layout(size_bytes, 1 << align_log2);
            let block = heap.allocate(layout).unwrap();
            assert!(block.as_ptr().addr().is_multiple_of(layout.align()));
            assert_eq!(model.insert(block.as_ptr() as usize, layout), None);
        }
        Step::Free { pick: number } => {
            let Some((block, _)) = pick(model, number) else { return };
            // SAFETY: the block is live and nobody uses it.
            unsafe { heap.free(block) }.unwrap();
            model.remove(&(block.as_ptr() as usize));
        }
        Step::FreeWithWrongLayout { pick: number } => {
            let Some((block, own)) = pick(model, number) else { return };
            if heap.blocks().get(block.as_ptr() as usize).is_none() {
                return;
            }
            let wrong = layout(own.size() + 1, own.align());
            // SAFETY: the tracker refuses it.
            let refused = unsafe { heap.free_with_layout(block, wrong) }.unwrap_err();
            assert!(matches!(refused.kind, BadFreeKind::WrongLayout { .. }));
        }
        Step::FreeTwice { pick: number } => {
            let Some((block, own)) = pick(model, number) else { return };
            // SAFETY: the block is live and nobody uses it; the second free is refused.
            unsafe {
                heap.free_with_layout(block, own).unwrap();
                assert_eq!(heap.free(block).unwrap_err().kind, BadFreeKind::DoubleFree);
            }
            model.remove(&(block.as_ptr() as usize));
        }
        Step::FreeInside { pick: number } => {
            let Some((block, _)) = pick(model, number) else { return };
            let inside = NonNull::new(block.as_ptr().wrapping_add(8)).unwrap();
            // SAFETY: the tracker refuses it.
            unsafe { heap.free(inside) }.unwrap_err();
        }
        Step::Reallocate { pick: number, size_bytes } => {
            let Some((block, own)) = pick(model, number) else { return };
            // SAFETY: the block is live and written within its size only.
            let moved = unsafe {
                block.as_ptr().write_bytes(number as u8, own.size());
                heap.reallocate_with_layout(block, own, size_bytes).unwrap().unwrap()
            };
            for offset in 0..own.size().min(size_bytes) {
                // SAFETY: below both sizes.
                assert_eq!(unsafe { moved.as_ptr().add(offset).read() }, number as u8);
            }
            model.remove(&(block.as_ptr() as usize));
            model.insert(moved.as_ptr() as usize, layout(size_bytes, own.align()));
        }
        Step::Exhaust { size_bytes } => {
            let failures = heap.counters().failures;
            assert_eq!(heap.allocate(layout(size_bytes, 1)), None);
            assert_eq!(heap.counters().failures, failures + 1);
        }
        Step::SetLevel { level } => heap.set_level(level),
    }
}

fn free_all(heap: &Heap, model: &mut BTreeMap<usize, Layout>) {
    for address in std::mem::take(model).into_keys() {
        // SAFETY: live, and nobody uses it.
        unsafe { heap.free(NonNull::new(address as *mut u8).unwrap()) }.unwrap();
    }
}

/// Failing cases are kept beside this file.
const BESIDE: FileFailurePersistence = WithSource("proptest-regressions");

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::with_failure_persistence(BESIDE) })]

    #[test]
    fn counters_and_map_equal_the_model_at_every_step(steps in prop::collection::vec(step(), 1..400)) {
        let heap = heap();
        let mut model = BTreeMap::new();
        for step in &steps {
            apply(&heap, &mut model, step);
            assert_agrees(&heap, &model);
        }
        free_all(&heap, &mut model);
        assert_agrees(&heap, &model);
        prop_assert_eq!(heap.blocks().count(), 0);
    }
}

/// A repeatable stream of numbers.
fn rng() -> TestRng {
    TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

#[test]
fn map_grows_and_shrinks_with_a_hundred_thousand_blocks_and_gives_its_pages_back() {
    let heap = heap();
    let mut rng = rng();
    let mut model = BTreeMap::new();
    let mut blocks = Vec::new();
    for number in 0..100_000_usize {
        let layout = layout(16 + number % 48, 8);
        let block = heap.allocate(layout).unwrap();
        model.insert(block.as_ptr() as usize, layout);
        blocks.push(block);
    }
    assert_agrees(&heap, &model);
    assert_records_agree(&heap, &model);
    let full = heap.statistics().arena();
    assert!(full.peak_used_bytes <= 56 * blocks.len(), "{full:?}");
    while !blocks.is_empty() {
        let block = blocks.swap_remove((rng.next_u64() as usize) % blocks.len());
        // SAFETY: live, and nobody uses it.
        unsafe { heap.free(block) }.unwrap();
        model.remove(&(block.as_ptr() as usize));
    }
    assert_agrees(&heap, &model);
    // What each part of the map keeps, so as not to ask for it again at once.
    let kept_pages = if HostPlatform::LANES > 1 { 6 * 64 } else { 16 };
    assert!(heap.statistics().arena().held_bytes <= kept_pages * 4096, "{:?}", heap.statistics().arena());
}

#[test]
fn churn_at_a_constant_count_neither_grows_the_arena_nor_loses_a_block() {
    let heap = heap();
    let mut rng = rng();
    let mut model = BTreeMap::new();
    let mut blocks: Vec<_> = (0..5000).map(|_| heap.allocate(layout(64, 8)).unwrap()).collect();
    model.extend(blocks.iter().map(|block| (block.as_ptr() as usize, layout(64, 8))));
    let mut churn = |steps: usize| {
        for _ in 0..steps {
            let place = (rng.next_u64() as usize) % blocks.len();
            // SAFETY: live, and nobody uses it.
            unsafe { heap.free(blocks[place]) }.unwrap();
            model.remove(&(blocks[place].as_ptr() as usize));
            let size_bytes = 16 + (rng.next_u64() as usize) % 200;
            blocks[place] = heap.allocate(layout(size_bytes, 8)).unwrap();
            model.insert(blocks[place].as_ptr() as usize, layout(size_bytes, 8));
        }
    };
    // A shard takes its first pages when the backend comes to its regions, and blocks of other sizes lie in more of them.
    if HostPlatform::LANES > 1 {
        churn(20_000);
    }
    let before = heap.statistics().arena().used_bytes;
    churn(200_000);
    assert_agrees(&heap, &model);
    assert_records_agree(&heap, &model);
    assert!(heap.statistics().arena().used_bytes <= before * 3 / 2);
    free_all(&heap, &mut model);
}

#[test]
fn block_live_through_a_whole_reading_appears_exactly_once_while_others_come_and_go() {
    let heap = heap();
    let mut rng = rng();
    let constant: BTreeSet<usize> =
        (0..3000).map(|_| heap.allocate(layout(32, 8)).unwrap().as_ptr() as usize).collect();
    let mut others = Vec::new();
    for grow in [true, false, true] {
        let mut seen = BTreeMap::<usize, u32>::new();
        let mut cursor = Some(0);
        let mut buffer = [Record::EMPTY; 16];
        while let Some(from) = cursor {
            let (count, next) = heap.blocks().read(from, &mut buffer);
            for record in &buffer[..count] {
                *seen.entry(record.address()).or_default() += 1;
            }
            cursor = next;
            for _ in 0..40 {
                if grow {
                    others.push(heap.allocate(layout(48, 8)).unwrap());
                } else if !others.is_empty() {
                    let block = others.swap_remove((rng.next_u64() as usize) % others.len());
                    // SAFETY: live, and nobody uses it.
                    unsafe { heap.free(block) }.unwrap();
                }
            }
        }
        for address in &constant {
            assert_eq!(seen.get(address), Some(&1));
        }
    }
}

#[test]
fn full_arena_leaves_allocations_working_and_counts_what_it_could_not_record() {
    let heap = heap();
    heap.set_arena_limit_bytes(64 << 10);
    let blocks: Vec<_> = (0..10_000).map(|_| heap.allocate(layout(40, 8)).unwrap()).collect();
    let counters = heap.counters();
    assert!(counters.untracked > 0);
    assert_eq!(counters.live_blocks, 10_000);
    assert_eq!(counters.untracked, counters.live_untracked);
    assert_eq!(counters.recorded_blocks(), heap.blocks().count() as u64);
    assert!(heap.statistics().arena().used_bytes <= 64 << 10);
    for block in blocks {
        // SAFETY: live, and nobody uses it; recorded or not.
        unsafe { heap.free(block) }.unwrap();
    }
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, counters.live_untracked, counters.bad_frees), (0, 0, 0));
    assert_eq!(counters.live_bytes, 0);
}

#[test]
fn free_of_unknown_pointer_never_reaches_backend() {
    let heap = heap();
    let mut local = 0_u64;
    let stranger = NonNull::from(&mut local).cast::<u8>();
    // SAFETY: the tracker refuses it; the backend would fail the test.
    let refused = unsafe { heap.free(stranger) }.unwrap_err();
    assert_eq!(refused.kind, BadFreeKind::NeverAllocated);
    assert_eq!(heap.counters().bad_frees, 1);
    assert_eq!(heap.counters().frees, 0);
}

#[test]
fn switching_the_level_leaves_no_ghosts_and_says_since_when_it_counts() {
    let heap = heap();
    let blocks: Vec<_> = Level::ALL
        .into_iter()
        .map(|level| {
            heap.set_level(level);
            heap.allocate(layout(100, 8)).unwrap()
        })
        .collect();
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, counters.live_untracked, counters.uncounted_blocks), (5, 2, 1));
    assert!(
        heap.statistics().since().history > heap.statistics().since().stacks
            && heap.statistics().since().stacks > heap.statistics().since().blocks
    );
    heap.set_level(Level::Off);
    for block in blocks {
        // SAFETY: live, and nobody uses it.
        unsafe { heap.free(block) }.unwrap();
    }
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, counters.live_bytes, counters.taken_bytes), (0, 0, 0));
    assert_eq!(heap.blocks().count(), 0);
}

#[test]
fn history_keeps_the_newest_events_and_counts_the_lost_ones() {
    const CAPACITY: usize = 300;
    let heap = heap();
    heap.history().set_capacity(CAPACITY);
    heap.set_level(Level::Full);
    let mut expected = Vec::new();
    for number in 0..1000_usize {
        let block = heap.allocate(layout(number % 70, 8)).unwrap();
        expected.push((EventKind::Allocate, block.as_ptr() as usize, number % 70));
        if number.is_multiple_of(3) {
            // SAFETY: live, and nobody uses it; the second free is refused.
            unsafe {
                heap.free(block).unwrap();
                heap.free(block).unwrap_err();
            }
            expected.push((EventKind::Free, block.as_ptr() as usize, number % 70));
            expected.push((EventKind::BadFree, block.as_ptr() as usize, 0));
        }
    }
    let (mut cursor, mut lost, mut found) = (0, 0, Vec::new());
    let mut buffer = [Event::EMPTY; 7];
    loop {
        let part = heap.history().read(cursor, &mut buffer);
        found.extend_from_slice(&buffer[..part.count]);
        lost += part.lost;
        cursor = part.next;
        if part.count == 0 {
            break;
        }
    }
    assert_eq!(lost as usize, expected.len() - CAPACITY);
    let found: Vec<_> = found
        .iter()
        .map(|event| (event.kind(), event.record().address(), event.record().size_bytes()))
        .collect();
    assert_eq!(found, expected[expected.len() - CAPACITY..]);
}

#[test]
fn history_that_is_off_writes_nothing_and_a_cleared_one_continues_counting() {
    let heap = heap();
    heap.set_level(Level::Full);
    let pair = || {
        let block = heap.allocate(layout(40, 8)).unwrap();
        // SAFETY: live, and nobody uses it; the second free is refused.
        unsafe {
            heap.free(block).unwrap();
            heap.free(block).unwrap_err();
        }
    };
    let read = |cursor| heap.history().read(cursor, &mut [Event::EMPTY; 32]);
    pair();
    heap.history().set_on(false);
    assert!(!heap.history().is_on());
    pair();
    assert_eq!((heap.history().written(), read(0).count), (3, 3));
    // The level goes back and forth meanwhile: that changes nothing.
    heap.set_level(Level::Blocks);
    heap.set_level(Level::Full);
    pair();
    assert_eq!(heap.history().written(), 3);
    heap.history().set_on(true);
    heap.history().clear();
    pair();
    let part = read(0);
    assert_eq!((part.count, part.lost, heap.history().written()), (3, 3, 6));
    assert_eq!((heap.counters().allocations, heap.counters().bad_frees), (4, 4));
    assert_eq!(heap.check_consistency(), Consistency::Holds);
}

#[test]
fn histogram_counts_by_power_of_two() {
    let heap = heap();
    for size_bytes in [0, 1, 2, 3, 4, 63, 64, 65, 127] {
        heap.allocate(layout(size_bytes, 8)).unwrap();
    }
    let classes: Vec<_> = heap.statistics().histogram().classes().collect();
    assert_eq!(classes, [(0, 1), (1, 1), (2, 2), (4, 1), (32, 1), (64, 3)]);
}

#[test]
fn unrecorded_blocks_of_a_backend_that_cannot_locate_are_freed_by_the_callers_layout() {
    let heap = Box::new(Tracked::over(HostPlatform::default(), BlindBackend::default(), Level::Off));
    let wanted = layout(100, 8);
    let unrecorded = heap.allocate(wanted).unwrap();
    heap.set_level(Level::Blocks);
    let recorded = heap.allocate(wanted).unwrap();
    // What is live is counted at level `off` too, as nobody else does.
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, counters.allocations, counters.live_untracked), (2, 1, 1));
    assert_eq!(counters.uncounted_blocks, 1);
    // SAFETY: each free is right but the marked ones, which are refused.
    unsafe {
        heap.free(unrecorded).unwrap_err();
        heap.free_with_layout(unrecorded, wanted).unwrap();
        heap.free_with_layout(unrecorded, wanted).unwrap_err();
        heap.free_with_layout(recorded, layout(100, 16)).unwrap_err();
        heap.free(recorded).unwrap();
        heap.free_with_layout(recorded, wanted).unwrap_err();
    }
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, counters.frees, counters.bad_frees), (0, 2, 4));
}

#[test]
fn figures_of_the_cpus_sum_up_to_the_totals() {
    let heap = heap();
    for cpu in [0, 1, 2, 1, 3] {
        heap.platform().cpu.store(cpu, std::sync::atomic::Ordering::Relaxed);
        let block = heap.allocate(layout(10 + usize::from(cpu), 8)).unwrap();
        if cpu == 1 {
            // SAFETY: live, and nobody uses it.
            unsafe { heap.free(block) }.unwrap();
        }
    }
    let one = heap.statistics().of_cpu(1);
    assert_eq!((one.allocations, one.frees, one.requested_bytes), (2, 2, 22));
    assert_eq!(heap.statistics().of_cpu(200), memstat::CpuCounters::default());
    let allocations: u64 = (0..4).map(|cpu| heap.statistics().of_cpu(cpu).allocations).sum();
    assert_eq!(allocations, heap.counters().allocations);
}

#[test]
fn blocks_of_a_backend_that_cannot_locate_are_moved_whether_recorded_or_not() {
    for level in [Level::Off, Level::Counters, Level::Blocks] {
        let heap = Box::new(Tracked::over(HostPlatform::default(), BlindBackend::default(), level));
        // Nothing can be recorded.
        heap.set_arena_limit_bytes(0);
        let block = heap.allocate(layout(100, 8)).unwrap();
        // SAFETY: live, and then where it was moved to.
        unsafe {
            block.as_ptr().write(17);
            let moved = heap.reallocate_with_layout(block, layout(100, 8), 5000).unwrap().unwrap();
            assert_eq!(moved.as_ptr().read(), 17);
            heap.free_with_layout(moved, layout(5000, 8)).unwrap();
        }
        let counters = heap.counters();
        assert_eq!((counters.live_blocks, counters.bad_frees), (0, 0), "{level}");
    }
}

#[test]
fn reallocation_of_no_block_or_of_another_layout_is_refused() {
    let blind = Box::new(Tracked::over(HostPlatform::default(), BlindBackend::default(), Level::Blocks));
    let mut local = [0_u8; 128];
    let stranger = NonNull::from(&mut local).cast::<u8>();
    // SAFETY: both are refused.
    unsafe {
        blind.reallocate_with_layout(stranger, layout(100, 8), 101).unwrap_err();
        blind.reallocate_with_layout(stranger, layout(100, 8), 5000).unwrap_err();
    }
    assert_eq!((blind.counters().live_blocks, blind.counters().bad_frees), (0, 2));

    let heap = heap();
    let block = heap.allocate(layout(100, 8)).unwrap();
    // SAFETY: the first is refused.
    unsafe {
        let bad = heap.reallocate_with_layout(block, layout(3000, 64), 5000).unwrap_err();
        assert_eq!(bad.kind, BadFreeKind::WrongLayout { size_bytes: 100, align_bytes: 8 });
        heap.free(block).unwrap();
    }
    assert_eq!(heap.counters().bad_frees, 1);
}

#[test]
fn peaks_are_never_below_what_is_live_and_start_anew_from_that() {
    let heap = heap();
    heap.set_level(Level::Off);
    let blocks: Vec<_> = (0..10).map(|_| heap.allocate(layout(64, 8)).unwrap()).collect();
    heap.set_level(Level::Counters);
    assert_eq!((heap.counters().live_blocks, heap.counters().peak_live_blocks), (10, 10));
    heap.set_level(Level::Off);
    for block in blocks {
        // SAFETY: live, and nobody uses it.
        unsafe { heap.free(block) }.unwrap();
    }
    heap.statistics().reset_peaks();
    heap.set_level(Level::Counters);
    assert_eq!(heap.counters().peak_live_blocks, 0);
}

#[test]
fn backend_with_live_blocks_can_be_taken_over() {
    use memstat::Backend;

    let mut backend = HostBackend::default();
    let block = backend.allocate(layout(100, 8)).unwrap().cast::<u8>();
    let heap = Box::new(Tracked::new(HostPlatform::default()));
    heap.start(backend);
    assert_eq!((heap.counters().live_blocks, heap.counters().live_untracked), (1, 1));
    // SAFETY: live, and nobody uses it.
    unsafe { heap.free(block) }.unwrap();
    assert_eq!((heap.counters().live_blocks, heap.counters().taken_bytes), (0, 0));
}

#[test]
fn crash_snapshot_has_the_newest_events_and_none_while_the_lock_is_held() {
    let heap = heap();
    heap.set_level(Level::Full);
    assert_eq!(heap.try_snapshot::<4>().map(|snapshot| snapshot.events().count()), Some(0));
    let layout = Layout::from_size_align(48, 16).unwrap();
    let blocks: Vec<_> = (0..6).map(|_| heap.allocate(layout).unwrap()).collect();
    let snapshot = heap.try_snapshot::<4>().unwrap();
    assert_eq!((snapshot.counters, snapshot.level, snapshot.written), (heap.counters(), Level::Full, 6));
    let seen: Vec<_> = snapshot.events().map(|(event, _)| event.record().address()).collect();
    let newest: Vec<_> = blocks.iter().skip(2).map(|block| block.as_ptr() as usize).collect();
    assert_eq!(seen, newest);
    assert_eq!(heap.with_backend(|_| heap.try_snapshot::<4>().is_none()), Some(true));
    for block in blocks {
        // SAFETY: allocated above, and used no more.
        unsafe { heap.free(block) }.unwrap();
    }
}

//! The last frees without guards: a double free reports who freed first, if that is known, and so does a crash.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use common::{FIRST_SITE_ADDRESS, HostBackend, HostPlatform};
use memstat::{BadFree, BadFreeKind, EventKind, GuardLevel, Level, Tracked};

type Heap = Tracked<HostBackend, HostPlatform>;

const LAYOUT: Layout = Layout::new::<[u64; 6]>();

fn heap(level: Level) -> Heap {
    let heap = Tracked::new(HostPlatform::default());
    heap.start(HostBackend { is_reusing: true, ..HostBackend::default() });
    heap.set_level(level);
    heap
}

fn free_from(heap: &Heap, site: usize, block: NonNull<u8>) -> Result<(), BadFree> {
    heap.platform().site.store(site, Ordering::Relaxed);
    // SAFETY: nobody uses it.
    unsafe { heap.free(block) }
}

#[test]
fn allocation_and_first_free_are_reported() {
    for level in [Level::Stacks, Level::Full] {
        let heap = heap(level);
        heap.platform().site.store(1, Ordering::Relaxed);
        let block = heap.allocate(LAYOUT).unwrap();
        free_from(&heap, 2, block).unwrap();
        let bad = free_from(&heap, 3, block).unwrap_err();
        assert_eq!((bad.kind, bad.is_free_stack_cut), (BadFreeKind::DoubleFree, true));
        let address_of = |number| heap.stacks().get(number).unwrap().frames().to_vec();
        assert_eq!(address_of(bad.block.unwrap().stack()), [FIRST_SITE_ADDRESS + 1]);
        assert_eq!(address_of(bad.free.unwrap().stack()), [FIRST_SITE_ADDRESS + 2]);
        // The number of its event is known where there are events.
        assert_eq!(bad.free.unwrap().sequence() != 0, level == Level::Full);
        assert_eq!(heap.counters().bad_frees, 1);
    }
}

#[test]
fn below_stacks_nothing_is_reported() {
    let heap = heap(Level::Blocks);
    let block = heap.allocate(LAYOUT).unwrap();
    free_from(&heap, 2, block).unwrap();
    let bad = free_from(&heap, 3, block).unwrap_err();
    assert_eq!((bad.kind, bad.block, bad.free), (BadFreeKind::DoubleFree, None, None));
}

#[test]
fn what_another_level_knew_is_not_reported_of_a_later_free() {
    for (guard, between) in [(GuardLevel::Off, Level::Blocks), (GuardLevel::Free, Level::Counters)] {
        let heap = heap(Level::Stacks);
        heap.guards().set_level(guard);
        let block = heap.allocate(LAYOUT).unwrap();
        free_from(&heap, 2, block).unwrap();
        heap.set_level(between);
        heap.set_level(Level::Stacks);
        let bad = free_from(&heap, 3, block).unwrap_err();
        assert_eq!((bad.kind, bad.block, bad.free), (BadFreeKind::DoubleFree, None, None));
    }
}

/// Frees of which no events were written are not taken for older ones that have some.
#[test]
fn an_older_event_is_not_reported_for_a_free_without_one() {
    let heap = heap(Level::Full);
    let block = heap.allocate(LAYOUT).unwrap();
    free_from(&heap, 2, block).unwrap();
    heap.history().set_on(false);
    let again = heap.allocate(LAYOUT).unwrap();
    assert_eq!(again, block, "the backend gives the block out again");
    let free_stamp = heap.platform().stamp.load(Ordering::Relaxed);
    free_from(&heap, 4, again).unwrap();
    let bad = free_from(&heap, 5, block).unwrap_err();
    let free = bad.free.unwrap();
    assert_eq!(heap.stacks().get(free.stack()).unwrap().frames(), [FIRST_SITE_ADDRESS + 4]);
    assert_eq!(free.sequence(), 0);
    assert!(free.stamp() >= free_stamp);
    // So many others that this free is forgotten.
    let others: Vec<_> = (0..200).map(|_| heap.allocate(Layout::new::<[u64; 40]>()).unwrap()).collect();
    for other in others {
        free_from(&heap, 1, other).unwrap();
    }
    heap.history().set_on(true);
    let bad = free_from(&heap, 5, block).unwrap_err();
    assert_eq!((bad.kind, bad.block, bad.free), (BadFreeKind::DoubleFree, None, None));
}

/// The block comes again while the arena is full, so without a record.
#[test]
fn an_older_free_is_not_reported_for_one_without_a_record() {
    for guard in [GuardLevel::Off, GuardLevel::Free] {
        let heap = heap(Level::Stacks);
        heap.set_arena_limit_bytes(64 << 10);
        heap.guards().set_level(guard);
        let mut others = Vec::new();
        // The records' last page is full, and not just the table, or the shard, that one block belongs to.
        let has_record = |block: NonNull<u8>| heap.blocks().get(block.as_ptr() as usize).is_some();
        let fill = |others: &mut Vec<_>| {
            let mut unrecorded = 0;
            while unrecorded < 25_000 {
                let other = heap.allocate(Layout::new::<[u64; 40]>()).unwrap();
                unrecorded = if has_record(other) { 0 } else { unrecorded + 1 };
                others.push(other);
            }
        };
        fill(&mut others);
        // The record of another goes to this block, and back.
        free_from(&heap, 1, others.swap_remove(0)).unwrap();
        let mut block = heap.allocate(LAYOUT).unwrap();
        while !has_record(block) {
            others.push(block);
            block = heap.allocate(LAYOUT).unwrap();
        }
        free_from(&heap, 2, block).unwrap();
        let bad = free_from(&heap, 4, block).unwrap_err();
        assert!(bad.free.is_some());
        fill(&mut others);
        let again = heap.allocate(LAYOUT).unwrap();
        assert_eq!(again, block, "the backend gives the block out again");
        assert_eq!(heap.blocks().get(again.as_ptr() as usize), None);
        free_from(&heap, 3, again).unwrap();
        let bad = free_from(&heap, 4, block).unwrap_err();
        assert_eq!((bad.kind, bad.block, bad.free), (BadFreeKind::DoubleFree, None, None));
        for other in others {
            free_from(&heap, 5, other).unwrap();
        }
    }
}

#[test]
fn crash_snapshot_has_the_last_frees_where_no_events_are_kept() {
    let heap = heap(Level::Stacks);
    let blocks: Vec<_> = (0..6).map(|_| heap.allocate(LAYOUT).unwrap()).collect();
    assert_eq!(heap.try_snapshot::<4>().map(|snapshot| snapshot.events().count()), Some(0));
    for (site, block) in blocks.iter().enumerate() {
        free_from(&heap, site + 1, *block).unwrap();
    }
    let snapshot = heap.try_snapshot::<4>().unwrap();
    let reported: Vec<_> = snapshot
        .events()
        .map(|(event, caller)| (event.kind(), event.record().address(), event.record().sequence(), caller))
        .collect();
    let expected: Vec<_> = blocks
        .iter()
        .enumerate()
        .map(|(site, block)| {
            (EventKind::Free, block.as_ptr() as usize, 0, Some(FIRST_SITE_ADDRESS + site + 1))
        })
        .collect();
    assert_eq!(reported, expected[2..]);
    assert_eq!(snapshot.written, 0);
}

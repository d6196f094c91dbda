//! Tests at the limits of the fields of a record: sequence numbers that wrap, stamps of a clock that has run for years.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::growth::{Growth, GrowthByStack};
use crate::{
    Backend, BadFreeKind, GuardPages, Hooks, Level, PAGE_SIZE_BYTES, Platform, Reach, Record, Tracked,
};

const LAYOUT: Layout = Layout::new::<[usize; 4]>();
const PAGE: Layout = match Layout::from_size_align(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!(),
};

/// A platform with a clock that the test sets.
#[derive(Debug, Default)]
struct Host {
    clock: AtomicU64,
    pages: Mutex<Vec<usize>>,
}

// SAFETY: pages come from the host's allocator; there are no interrupts.
unsafe impl Platform for Host {
    fn stamp(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        let page = NonNull::new(unsafe { std::alloc::alloc(PAGE) })?;
        self.pages.lock().unwrap().push(page.as_ptr() as usize);
        Some(page)
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        self.pages.lock().unwrap().retain(|known| *known != page.as_ptr() as usize);
        // SAFETY: from `take_page`.
        unsafe { std::alloc::dealloc(page.as_ptr(), PAGE) };
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for page in self.pages.lock().unwrap().drain(..) {
            // SAFETY: from `take_page`; the tracker is gone.
            unsafe { std::alloc::dealloc(page as *mut u8, PAGE) };
        }
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for Host {}

impl Hooks for Host {}

/// A backend of a few cells, so that addresses are reused.
#[derive(Debug)]
struct Cells {
    memory: Box<[[usize; 4]; 64]>,
    free: Vec<usize>,
}

// SAFETY: cells are disjoint, each handed out once.
unsafe impl Backend for Cells {
    fn allocate(&mut self, _layout: Layout) -> Option<NonNull<[u8]>> {
        let cell = self.free.pop()?;
        let block = NonNull::from(&mut self.memory[cell]).cast();
        Some(NonNull::slice_from_raw_parts(block, LAYOUT.size()))
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, _layout: Layout) -> usize {
        self.free.push((block.as_ptr() as usize - self.memory.as_ptr() as usize) / LAYOUT.size());
        LAYOUT.size()
    }
}

type Heap = Tracked<Cells, Host>;

/// A heap whose last event has this sequence number.
fn heap(sequence: u64) -> Heap {
    let heap = Tracked::new(Host::default());
    heap.start(Cells { memory: Box::new([[0; 4]; 64]), free: (0..64).rev().collect() });
    heap.set_level(Level::Full);
    heap.enter().sequence = sequence;
    heap
}

fn free(heap: &Heap, block: NonNull<u8>) -> Result<(), crate::BadFree> {
    // SAFETY: nobody uses it.
    unsafe { heap.free(block) }
}

fn new_blocks(heap: &Heap, since: u64) -> u64 {
    let mut stacks = [Growth::default(); 2];
    let mut growth = GrowthByStack::new(since, heap.leaks().sequence(), &mut stacks);
    let mut records = [Record::EMPTY; 64];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = heap.blocks().read(from, &mut records);
        records.iter().take(count).for_each(|record| growth.add(record));
        cursor = next;
    }
    growth.total().blocks
}

/// Sequence numbers before, at and after a wrap of the 48 bits.
fn sequences() -> impl Iterator<Item = u64> {
    let wraps = [1_u64 << 48, 5 << 48];
    wraps.into_iter().flat_map(|wrap| (0..12).map(move |before| wrap - before)).chain([0, 100, 1 << 47])
}

#[test]
fn growth_since_a_mark_is_exact_where_sequence_numbers_wrap() {
    for sequence in sequences() {
        let heap = heap(sequence);
        for _ in 0..5 {
            heap.allocate(LAYOUT).unwrap();
        }
        let mark = heap.leaks().snapshot();
        assert_eq!(new_blocks(&heap, mark.sequence), 0, "after {sequence:#x}");
        for _ in 0..7 {
            heap.allocate(LAYOUT).unwrap();
        }
        assert_eq!(new_blocks(&heap, mark.sequence), 7, "after {sequence:#x}");
        assert_eq!(new_blocks(&heap, sequence), 12, "after {sequence:#x}");
    }
}

#[test]
fn a_scan_leaves_new_blocks_alone_where_sequence_numbers_wrap() {
    for sequence in sequences() {
        let heap = heap(sequence);
        let lost = heap.allocate(LAYOUT).unwrap();
        // Enough roots for several slices.
        let roots = vec![0_usize; 10_000];
        let span = roots.as_ptr() as usize..roots.as_ptr() as usize + size_of_val(&roots[..]);
        let mut during = Vec::new();
        for _ in 0..3 {
            let should_continue = || {
                during.push(heap.allocate(LAYOUT).unwrap());
                true
            };
            // SAFETY: the roots live until then.
            unsafe { heap.leaks().scan(std::slice::from_ref(&span), should_continue) }.unwrap();
            let newest = *during.last().unwrap();
            let reach = |block: NonNull<u8>| heap.blocks().get(block.as_ptr() as usize).unwrap().reach();
            assert_eq!(reach(newest), Reach::Plain, "after {sequence:#x}");
            assert_ne!(reach(lost), Reach::Plain, "after {sequence:#x}");
        }
    }
}

#[test]
fn the_last_free_is_found_where_sequence_numbers_wrap_and_the_clock_is_old() {
    for sequence in sequences() {
        for clock in [0, 1 << 47, 1 << 48, (1 << 48) - 1, (1 << 50) + 77, u64::MAX] {
            let heap = heap(sequence);
            heap.platform().clock.store(clock, Ordering::Relaxed);
            // The history restarts; earlier events are not reported.
            heap.history().set_on(false);
            heap.history().set_on(true);
            let block = heap.allocate(LAYOUT).unwrap();
            free(&heap, block).unwrap();
            let freed_at = heap.leaks().sequence();
            let bad = free(&heap, block).unwrap_err();
            assert_eq!(bad.kind, BadFreeKind::DoubleFree);
            let first = bad.free.unwrap();
            assert_eq!(first.sequence(), freed_at & ((1 << 48) - 1), "after {sequence:#x} at {clock:#x}");
            assert_eq!(first.stamp(), clock & !0xffff);
        }
    }
}

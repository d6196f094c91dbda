//! All that several threads do at once, in many orders that a scheduler chooses (`shuttle`): threads change wherever the
//! tracker calls its platform or its backend, so in the midst of each operation, with gates closed and latches held.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "common/shared.rs"]
mod shared;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::collections::BTreeSet;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use memstat::{
    Consistency, Event, EventKind, GuardPages, Hooks, Level, PAGE_SIZE_BYTES, Platform, Record,
    SharedBackend, StackSpan, Tracked,
};
use shared::Shared;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

const LAYOUT: Layout = Layout::new::<[u64; 4]>();
const PAGE: Layout = match Layout::from_size_align(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!(),
};

/// Stacks of two frames, by the thread's number.
static STACKS: [[usize; 2]; 8] =
    [[0, 0x1001], [0, 0x1002], [0, 0x1003], [0, 0x1004], [0, 0x1005], [0, 0x1006], [0, 0x1007], [0, 0x1008]];

fn number() -> usize {
    usize::from(shuttle::current::me())
}

/// The platform: wherever it is called, threads may change. Pages are those of one run.
#[derive(Debug, Default)]
struct Explored {
    clock: AtomicU64,
    pages: UnsafeCell<Vec<usize>>,
}

// SAFETY: the scheduler runs one thread at a time, and changes them only where it is told.
unsafe impl Sync for Explored {}
// SAFETY: as above.
unsafe impl Send for Explored {}

impl Drop for Explored {
    fn drop(&mut self) {
        for page in self.pages.get_mut() {
            // SAFETY: from `take_page`; the tracker is gone.
            unsafe { System.dealloc(*page as *mut u8, PAGE) };
        }
    }
}

// SAFETY: pages come from the host's allocator; there are no interrupts.
unsafe impl Platform for Explored {
    const LANES: usize = 4;

    fn relax(&self, _turns: u32) {
        thread::yield_now();
    }

    fn stamp(&self) -> u64 {
        thread::yield_now();
        self.clock.fetch_add(memstat::STAMP_STEP, Ordering::Relaxed)
    }

    fn cpu(&self) -> u8 {
        number() as u8
    }

    fn frame_pointer(&self) -> usize {
        STACKS[number() % STACKS.len()].as_ptr() as usize
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        thread::yield_now();
        Some(StackSpan { frame_pointer, start: frame_pointer, size_bytes: size_of_val(&STACKS[0]) })
    }

    fn enter_critical(&self) -> usize {
        thread::yield_now();
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        thread::yield_now();
        // SAFETY: the layout's size is not zero.
        let page = NonNull::new(unsafe { System.alloc(PAGE) })?;
        // SAFETY: one thread at a time.
        unsafe { &mut *self.pages.get() }.push(page.as_ptr() as usize);
        Some(page)
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: one thread at a time.
        unsafe { &mut *self.pages.get() }.retain(|known| *known != page.as_ptr() as usize);
        // SAFETY: from `take_page`.
        unsafe { System.dealloc(page.as_ptr(), PAGE) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for Explored {}

impl Hooks for Explored {}

/// A few cells, so that an address comes again at once.
#[derive(Debug)]
struct Cells {
    memory: Box<UnsafeCell<[[u64; 4]; 16]>>,
    is_live: [AtomicBool; 16],
    live: AtomicUsize,
}

impl Cells {
    fn new() -> Self {
        Self {
            memory: Box::new(UnsafeCell::new([[0; 4]; 16])),
            is_live: [const { AtomicBool::new(false) }; 16],
            live: AtomicUsize::new(0),
        }
    }
}

// SAFETY: cells are disjoint, each handed out once.
unsafe impl Sync for Cells {}

// SAFETY: as above.
unsafe impl SharedBackend for Cells {
    fn allocate(&self, _layout: Layout) -> Option<NonNull<[u8]>> {
        thread::yield_now();
        let cell = self.is_live.iter().position(|is_live| !is_live.swap(true, Ordering::Relaxed))?;
        self.live.fetch_add(1, Ordering::Relaxed);
        let block = NonNull::new(self.memory.get().cast::<[u64; 4]>().wrapping_add(cell).cast::<u8>())?;
        thread::yield_now();
        Some(NonNull::slice_from_raw_parts(block, LAYOUT.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, _layout: Layout) -> usize {
        thread::yield_now();
        let cell = (block.as_ptr() as usize - self.memory.get() as usize) / LAYOUT.size();
        assert!(self.is_live[cell].swap(false, Ordering::Relaxed), "only live blocks reach the backend");
        self.live.fetch_sub(1, Ordering::Relaxed);
        thread::yield_now();
        LAYOUT.size()
    }
}

type Heap = Tracked<Shared<Cells>, Explored>;

fn heap(level: Level) -> Arc<Heap> {
    let heap = Tracked::new(Explored::default());
    heap.start(Shared(Cells::new()));
    heap.set_level(level);
    Arc::new(heap)
}

fn allocate(heap: &Heap) -> usize {
    heap.allocate(LAYOUT).unwrap().as_ptr() as usize
}

fn free(heap: &Heap, address: usize) -> bool {
    // SAFETY: nobody uses it.
    unsafe { heap.free_with_layout(NonNull::new(address as *mut u8).unwrap(), LAYOUT) }.is_ok()
}

/// Nobody is at work.
fn assert_agrees(heap: &Heap, live: &BTreeSet<usize>) {
    let counters = heap.counters();
    assert_eq!(counters.live_blocks, live.len() as u64);
    assert_eq!(heap.with_backend(|cells| cells.0.live.load(Ordering::Relaxed)), Some(live.len()));
    assert_eq!(heap.check_consistency(), Consistency::Holds);
}

fn explore(run: impl Fn() + Send + Sync + Clone + 'static, runs: usize) {
    let runs = std::env::var("INTERLEAVINGS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(runs);
    let mut config = Config::new();
    // A tracker is made on the stack.
    config.stack_size = 1 << 20;
    Runner::new(RandomScheduler::new(runs), config.clone()).run(run.clone());
    Runner::new(PctScheduler::new(3, runs), config).run(run);
}

/// What a thread does: the addresses of the blocks that it leaves.
type Work = Box<dyn FnOnce() -> Vec<usize> + Send>;

/// Allocates two blocks and frees the first.
fn keep_one_of_two(heap: &Arc<Heap>) -> Work {
    let heap = Arc::clone(heap);
    Box::new(move || {
        let first = allocate(&heap);
        let second = allocate(&heap);
        assert!(free(&heap, first));
        vec![second]
    })
}

/// Starts threads and waits for them.
fn all<const COUNT: usize>(work: [Work; COUNT]) -> BTreeSet<usize> {
    let threads = work.map(thread::spawn);
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn blocks_and_stacks_are_exact_in_every_order() {
    let run = || {
        let heap = heap(Level::Stacks);
        let worker = || keep_one_of_two(&heap);
        let live = all([worker(), worker(), worker()]);
        assert_agrees(&heap, &live);
        let found: u64 = (1..=heap.stacks().count())
            .filter_map(|number| heap.stacks().get(number))
            .map(|stack| u64::from(stack.live_blocks))
            .sum();
        assert_eq!(found, 3);
        // Others free them.
        let mut left: Vec<_> = live.into_iter().collect();
        let frees = [(); 3].map(|()| -> Work {
            let (heap, address) = (Arc::clone(&heap), left.pop().unwrap());
            Box::new(move || {
                assert!(free(&heap, address));
                Vec::new()
            })
        });
        all(frees);
        assert_agrees(&heap, &BTreeSet::new());
    };
    explore(run, 400);
}

#[test]
fn levels_are_switched_in_every_order() {
    let run = || {
        let heap = heap(Level::Full);
        let worker = || keep_one_of_two(&heap);
        let switcher = |levels: [Level; 2]| -> Work {
            let heap = Arc::clone(&heap);
            Box::new(move || {
                for level in levels {
                    heap.set_level(level);
                    let counters = heap.counters();
                    assert_eq!(
                        counters.live_blocks as i64,
                        counters.allocations as i64 - counters.frees as i64 + counters.uncounted_blocks
                    );
                }
                Vec::new()
            })
        };
        let live = all([
            worker(),
            worker(),
            switcher([Level::Counters, Level::Full]),
            switcher([Level::Off, Level::Stacks]),
        ]);
        assert_agrees(&heap, &live);
        assert!(live.iter().all(|address| free(&heap, *address)));
        assert_agrees(&heap, &BTreeSet::new());
    };
    explore(run, 400);
}

#[test]
fn of_frees_that_race_one_is_good_in_every_order() {
    let run = || {
        let heap = heap(Level::Full);
        let address = allocate(&heap);
        let racer = || {
            let heap = Arc::clone(&heap);
            thread::spawn(move || free(&heap, address))
        };
        // Its memory is wanted at once.
        let other = {
            let heap = Arc::clone(&heap);
            thread::spawn(move || (0..2).map(|_| allocate(&heap)).collect::<Vec<_>>())
        };
        let good = [racer(), racer()].map(|thread| thread.join().unwrap());
        let live: BTreeSet<_> = other.join().unwrap().into_iter().collect();
        // A second free that comes when the memory is another's is a free of that: nobody can tell.
        let good = good.into_iter().filter(|is_good| *is_good).count();
        assert!(good == 1 || good == 2 && live.contains(&address));
        assert_eq!(heap.counters().bad_frees, 2 - good as u64);
        assert_eq!(heap.check_consistency(), Consistency::Holds);
    };
    explore(run, 400);
}

/// The first thread goes on while others come, and they free what it had before there were lanes.
#[test]
fn lanes_come_while_the_first_thread_works_in_every_order() {
    for level in [Level::Off, Level::Counters, Level::Stacks, Level::Full] {
        let run = move || {
            let heap = heap(level);
            let old = [(); 2].map(|()| allocate(&heap));
            let mark = heap.leaks().sequence();
            let others = old.map(|address| {
                let heap = Arc::clone(&heap);
                thread::spawn(move || {
                    assert!(free(&heap, address));
                    allocate(&heap)
                })
            });
            let mut live = BTreeSet::new();
            for _ in 0..2 {
                let address = allocate(&heap);
                // SAFETY: nobody else uses it.
                let moved = unsafe {
                    heap.reallocate_with_layout(
                        NonNull::new(address as *mut u8).unwrap(),
                        LAYOUT,
                        LAYOUT.size(),
                    )
                };
                let address = moved.unwrap().unwrap().as_ptr() as usize;
                let other = allocate(&heap);
                assert!(free(&heap, address));
                live.insert(other);
            }
            live.extend(others.map(|thread| thread.join().unwrap()));
            assert_agrees(&heap, &live);
            let mut records = [Record::EMPTY; 8];
            let (count, _) = heap.blocks().read(0, &mut records);
            assert!(
                records[..count].iter().all(|record| record.is_newer_than(mark, heap.leaks().sequence()))
            );
            assert!(live.iter().all(|address| free(&heap, *address)));
            assert_agrees(&heap, &BTreeSet::new());
        };
        explore(run, 150);
    }
}

#[test]
fn of_frees_of_an_old_block_that_race_while_lanes_come_one_is_good_in_every_order() {
    let run = || {
        let heap = heap(Level::Stacks);
        let old = allocate(&heap);
        let racers = [(); 2].map(|()| {
            let heap = Arc::clone(&heap);
            thread::spawn(move || free(&heap, old))
        });
        let mine = free(&heap, old);
        let good = racers.map(|thread| thread.join().unwrap()).into_iter().chain([mine]);
        assert_eq!(good.filter(|is_good| *is_good).count(), 1);
        assert_eq!((heap.counters().frees, heap.counters().bad_frees), (1, 2));
        assert_agrees(&heap, &BTreeSet::new());
    };
    explore(run, 400);
}

#[test]
fn the_history_is_in_order_in_every_order() {
    let run = || {
        let heap = heap(Level::Full);
        let worker = || -> Work {
            let heap = Arc::clone(&heap);
            Box::new(move || {
                for _ in 0..2 {
                    let address = allocate(&heap);
                    assert!(free(&heap, address));
                }
                Vec::new()
            })
        };
        all([worker(), worker(), worker()]);
        let mut events = [Event::EMPTY; 32];
        let part = heap.history().read(0, &mut events);
        assert_eq!((part.count, part.lost), (12, 0));
        let mut live = BTreeSet::new();
        for event in &events[..part.count] {
            let address = event.record().address();
            assert!(if event.kind() == EventKind::Allocate {
                live.insert(address)
            } else {
                live.remove(&address)
            });
        }
        assert!(events[..part.count].is_sorted_by_key(|event| event.record().sequence()));
    };
    explore(run, 400);
}

#[test]
fn what_stays_is_read_once_in_every_order() {
    let run = || {
        let heap = heap(Level::Blocks);
        let stay = allocate(&heap);
        let mark = heap.leaks().sequence();
        let worker = || {
            let heap = Arc::clone(&heap);
            thread::spawn(move || {
                let address = allocate(&heap);
                let record = heap.blocks().get(address).unwrap();
                assert!(record.is_newer_than(mark, heap.leaks().sequence()));
                assert!(free(&heap, address));
            })
        };
        let workers = [worker(), worker()];
        let (mut found, mut cursor) = (0, Some(0));
        let mut buffer = [Record::EMPTY; 1];
        while let Some(from) = cursor {
            let (count, next) = heap.blocks().read(from, &mut buffer);
            found += buffer[..count].iter().filter(|record| record.address() == stay).count();
            cursor = next;
        }
        assert_eq!(found, 1);
        for thread in workers {
            thread.join().unwrap();
        }
        assert!(free(&heap, stay));
        assert_agrees(&heap, &BTreeSet::new());
    };
    explore(run, 200);
}

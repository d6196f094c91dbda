//! Operations in a second, by level, of one thread, of two, and of more threads than CPUs. Ratios within a line are what
//! counts: each is the best of several short runs, which alternate, as other programs use the computer too. Two threads
//! that hand blocks over wait for each other, so where others take their CPUs, only the ratio by CPU time says something.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use memstat::{Host, Level};

use crate::cpus;

/// What a thread does, so many times: the number of its allocations and frees.
type Work = fn(&dyn GlobalAlloc, usize, &[Ring], u64) -> u64;

/// Threads that the last column has: more than CPUs.
const MANY: usize = 8;
const TURNS: usize = 30;
/// Blocks that a thread has at a time.
const LIVE_BLOCKS: usize = 1000;
/// CPUs that they run on.
const CPUS: usize = 2;
/// How long a run takes.
const RUN_S: f64 = 0.002;

/// Prints the table of an allocator alone, and of a heap over it.
pub(crate) fn measure<A: GlobalAlloc + Send + Sync>(plain: &(dyn GlobalAlloc + Sync), heap: &Host<A>) {
    let turns = std::env::args().nth(1).and_then(|turns| turns.parse().ok()).unwrap_or(TURNS);
    let works: [(&str, Work); 3] = [("pair", pair), ("churn", churn), ("handed over", hand_over)];
    println!(
        "{:12} {:9} {:>10} {:>10} {:>10} {:>7} {:>7} {:>7}",
        "", "", "1", "2", MANY, "2 to 1", "by CPU", "8 to 2"
    );
    for (name, work) in works {
        let mut best = [[Rates::default(); 3]; 6];
        for _ in 0..turns {
            for (row, best) in best.iter_mut().enumerate() {
                let level = row.checked_sub(1).and_then(|number| Level::ALL.get(number));
                let allocator: &(dyn GlobalAlloc + Sync) = match level {
                    Some(level) => {
                        heap.set_level(*level);
                        heap
                    }
                    None => plain,
                };
                for (rate, threads) in best.iter_mut().zip([1, 2, MANY]) {
                    // Short runs: some are not disturbed.
                    let count = (rate.by_clock * RUN_S / 2.0 / threads as f64) as u64;
                    *rate = rate.best(run(allocator, work, threads, count.max(2_000)));
                }
            }
        }
        for (row, [one, two, many]) in best.into_iter().enumerate() {
            let level = row.checked_sub(1).and_then(|number| Level::ALL.get(number));
            let level = level.map_or("plain", |level| level.name());
            println!(
                "{name:12} {level:9} {:>10.1} {:>10.1} {:>10.1} {:>7.2} {:>7.2} {:>7.2}",
                one.by_clock / 1e6,
                two.by_clock / 1e6,
                many.by_cpu_time / 1e6,
                two.by_clock / one.by_clock,
                two.by_cpu_time / one.by_cpu_time,
                many.by_cpu_time / two.by_cpu_time
            );
        }
    }
    assert_eq!(heap.counters().bad_frees, 0);
}

/// Operations in a second.
#[derive(Clone, Copy, Default)]
struct Rates {
    /// As the clock says.
    by_clock: f64,
    /// If the threads had the CPUs for themselves, as the CPU time says that they took. More threads than CPUs are always
    /// interrupted by something on a computer that does other work.
    by_cpu_time: f64,
}

impl Rates {
    fn best(self, other: Self) -> Self {
        Self {
            by_clock: self.by_clock.max(other.by_clock),
            by_cpu_time: self.by_cpu_time.max(other.by_cpu_time),
        }
    }
}

/// How fast so many threads are.
fn run(allocator: &(dyn GlobalAlloc + Sync), work: Work, threads: usize, count: u64) -> Rates {
    let rings: Vec<Ring> = (0..threads).map(|_| Ring::new()).collect();
    // Those who wait here spin, unless they are more than CPUs: a thread that sleeps wakes up late.
    let waiting = AtomicUsize::new(threads);
    let times = thread::scope(|scope| {
        let (rings, waiting) = (&rings, &waiting);
        let spawned: Vec<_> = (0..threads)
            .map(|number| {
                scope.spawn(move || {
                    cpus::pin(number);
                    work(allocator, number, &rings[number..=number], 200);
                    waiting.fetch_sub(1, Ordering::AcqRel);
                    let mut turns = 0;
                    while waiting.load(Ordering::Acquire) > 0 {
                        cpus::relax(turns);
                        turns += 1;
                    }
                    let (start, start_s) = (Instant::now(), cpus::cpu_time_s());
                    let operations = work(allocator, number, rings, count);
                    let (end, seconds) = (Instant::now(), cpus::cpu_time_s() - start_s);
                    work(allocator, number, &rings[number..=number], 0);
                    (start, end, seconds, operations)
                })
            })
            .collect();
        spawned.into_iter().map(|thread| thread.join().expect("no thread panics")).collect::<Vec<_>>()
    });
    let operations = times.iter().map(|(.., operations)| *operations).sum::<u64>() as f64;
    let start = times.iter().map(|(start, ..)| *start).min().expect("there is a thread");
    let end = times.iter().map(|(_, end, ..)| *end).max().expect("there is a thread");
    let cpu_s: f64 = times.iter().map(|(_, _, seconds, _)| *seconds).sum();
    Rates {
        by_clock: operations / (end - start).as_secs_f64(),
        by_cpu_time: operations / cpu_s * threads.min(CPUS) as f64,
    }
}

fn layout(size_bytes: usize) -> Layout {
    Layout::from_size_align(size_bytes, 8).expect("a small size is valid")
}

#[inline(never)]
fn allocate(allocator: &dyn GlobalAlloc, size_bytes: usize) -> *mut u8 {
    // SAFETY: the size is not zero.
    let block = unsafe { allocator.alloc(layout(size_bytes)) };
    assert!(!block.is_null());
    // SAFETY: inside the block.
    unsafe { block.write(1) };
    black_box(block)
}

#[inline(never)]
fn free(allocator: &dyn GlobalAlloc, block: *mut u8, size_bytes: usize) {
    // SAFETY: from `allocate`, and nobody uses it.
    unsafe { allocator.dealloc(block, layout(size_bytes)) };
}

/// A block of 64 bytes, and its free.
fn pair(allocator: &dyn GlobalAlloc, _number: usize, _rings: &[Ring], count: u64) -> u64 {
    for _ in 0..count {
        let block = allocate(allocator, 64);
        free(allocator, block, 64);
    }
    2 * count
}

/// The blocks that a thread replaces, and its random numbers.
struct Churned {
    live: Vec<(*mut u8, usize)>,
    random: u64,
}

thread_local! {
    static CHURNED: RefCell<Churned> = const { RefCell::new(Churned { live: Vec::new(), random: 1 }) };
}

impl Churned {
    fn next(&mut self) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random as usize
    }

    fn allocate(&mut self, allocator: &dyn GlobalAlloc) -> (*mut u8, usize) {
        let size_bytes = 16 << (self.next() % 7);
        (allocate(allocator, size_bytes), size_bytes)
    }
}

/// A thousand blocks of 16 to 1,024 bytes are live; one of them is replaced by another at a time. The first call, which
/// is not timed, makes them, and a call without anything to do frees them.
fn churn(allocator: &dyn GlobalAlloc, number: usize, _rings: &[Ring], count: u64) -> u64 {
    CHURNED.with_borrow_mut(|churned| {
        if churned.live.is_empty() {
            churned.random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number as u64 + 1) | 1;
            for _ in 0..LIVE_BLOCKS {
                let block = churned.allocate(allocator);
                churned.live.push(block);
            }
        }
        for _ in 0..count {
            let place = churned.next() % LIVE_BLOCKS;
            let (block, size_bytes) = churned.live[place];
            free(allocator, block, size_bytes);
            churned.live[place] = churned.allocate(allocator);
        }
        if count == 0 {
            churned.live.drain(..).for_each(|(block, size_bytes)| free(allocator, block, size_bytes));
        }
    });
    2 * count
}

/// Blocks that are handed over at a time.
const BATCH: usize = 64;
/// Batches that are under way to a thread at most.
const UNDER_WAY: usize = 8;

/// A queue of batches from one thread to the next.
struct Ring {
    batches: [Batch; UNDER_WAY],
}

/// Blocks, in cache lines of their own.
#[repr(align(128))]
struct Batch {
    is_full: AtomicBool,
    blocks: [AtomicPtr<u8>; BATCH],
}

impl Ring {
    fn new() -> Self {
        let batch = || Batch {
            is_full: AtomicBool::new(false),
            blocks: [const { AtomicPtr::new(std::ptr::null_mut()) }; BATCH],
        };
        Self { batches: std::array::from_fn(|_| batch()) }
    }
}

/// Each thread allocates blocks that the next one frees.
fn hand_over(allocator: &dyn GlobalAlloc, number: usize, rings: &[Ring], count: u64) -> u64 {
    let count = (count as usize).div_ceil(BATCH);
    let (mine, others) = (&rings[number % rings.len()], &rings[(number + 1) % rings.len()]);
    let (mut sent, mut received, mut turns) = (0, 0, 0_u32);
    while sent < count || received < count {
        let mut is_idle = true;
        let batch = &others.batches[sent % UNDER_WAY];
        if sent < count && !batch.is_full.load(Ordering::Acquire) {
            batch.blocks.iter().for_each(|place| place.store(allocate(allocator, 64), Ordering::Relaxed));
            batch.is_full.store(true, Ordering::Release);
            sent += 1;
            is_idle = false;
        }
        let batch = &mine.batches[received % UNDER_WAY];
        if received < count && batch.is_full.load(Ordering::Acquire) {
            batch.blocks.iter().for_each(|place| free(allocator, place.load(Ordering::Relaxed), 64));
            batch.is_full.store(false, Ordering::Release);
            received += 1;
            is_idle = false;
        }
        turns = if is_idle { turns + 1 } else { 0 };
        if is_idle {
            cpus::relax(turns);
        }
    }
    (2 * count * BATCH) as u64
}

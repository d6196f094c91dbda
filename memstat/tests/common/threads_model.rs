//! The model of a heap that threads use at once: each knows what it has, and at each quiet point the tracker's figures are
//! those of all of them together.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use memstat::{Backend, Consistency, Level, Tracked};

use crate::crowd::{Crowd, Random};
use crate::records::read_all;

/// A tracker with more lanes than threads, and one whose threads share lanes.
pub(crate) type Heap<B, const LANES: usize> = Tracked<B, Crowd<LANES>>;

/// Live blocks of a thread: their layouts, by address.
pub(crate) type Model = BTreeMap<usize, Layout>;

/// A tracker at a level.
pub(crate) fn heap<B: Backend, const LANES: usize>(backend: B, level: Level) -> Box<Heap<B, LANES>> {
    let heap = Box::new(Tracked::new(Crowd));
    heap.start(backend);
    heap.set_level(level);
    heap
}

fn layout(random: &mut Random) -> Layout {
    let end = if random.below(8) == 0 { 3000 } else { 200 };
    let size_bytes = 1 + random.below(end);
    Layout::from_size_align(size_bytes, 1 << random.below(7)).unwrap()
}

fn mark(address: usize, layout: Layout) {
    // SAFETY: a live block of this thread's.
    unsafe { (address as *mut u8).write_bytes(address as u8 ^ 0x5a, layout.size()) };
}

fn check(address: usize, own: usize, size_bytes: usize) {
    // SAFETY: a live block of this thread's.
    let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, size_bytes) };
    assert!(bytes.iter().all(|byte| *byte == own as u8 ^ 0x5a), "a block has its contents");
}

/// Allocates, frees, reallocates and hands blocks over, at random.
pub(crate) fn work<B: Backend, const LANES: usize>(
    heap: &Heap<B, LANES>,
    random: &mut Random,
    model: &mut Model,
    pool: &Mutex<Model>,
    steps: usize,
) {
    for _ in 0..steps {
        let picked = model.iter().nth(random.below(model.len().max(1))).map(|(a, l)| (*a, *l));
        match random.below(10) {
            0..4 => {
                let layout = layout(random);
                let address = heap.allocate(layout).unwrap().as_ptr() as usize;
                assert!(address.is_multiple_of(layout.align()));
                mark(address, layout);
                assert_eq!(model.insert(address, layout), None);
            }
            4..7 => {
                let Some((address, layout)) = picked else { continue };
                check(address, address, layout.size());
                model.remove(&address);
                let block = NonNull::new(address as *mut u8).unwrap();
                // SAFETY: live, and nobody uses it.
                unsafe { heap.free_with_layout(block, layout) }.unwrap();
            }
            7 => {
                let Some((address, layout)) = picked else { continue };
                let size_bytes = 1 + random.below(600);
                model.remove(&address);
                let block = NonNull::new(address as *mut u8).unwrap();
                // SAFETY: live, and nobody uses it.
                let moved =
                    unsafe { heap.reallocate_with_layout(block, layout, size_bytes) }.unwrap().unwrap();
                let moved = moved.as_ptr() as usize;
                check(moved, address, size_bytes.min(layout.size()));
                let layout = Layout::from_size_align(size_bytes, layout.align()).unwrap();
                mark(moved, layout);
                assert_eq!(model.insert(moved, layout), None);
            }
            8 => {
                let Some((address, layout)) = picked else { continue };
                model.remove(&address);
                assert_eq!(pool.lock().unwrap().insert(address, layout), None);
            }
            _ => {
                if let Some((address, layout)) = pool.lock().unwrap().pop_first() {
                    assert_eq!(model.insert(address, layout), None);
                }
            }
        }
    }
}

/// Nobody is at work: counters, records, call stacks and the model say the same.
pub(crate) fn assert_agrees<B: Backend, const LANES: usize>(heap: &Heap<B, LANES>, model: &Model) {
    let counters = heap.counters();
    assert_eq!(counters.live_blocks, model.len() as u64);
    assert_eq!(
        counters.live_blocks as i64,
        counters.allocations as i64 - counters.frees as i64 + counters.uncounted_blocks
    );
    assert_eq!(heap.check_consistency(), Consistency::Holds);
    let records = read_all(heap, 50);
    assert_eq!(records.len() as u64, counters.recorded_blocks());
    assert_eq!(records.len(), heap.blocks().count());
    let found: Model = records.iter().map(|record| (record.address(), record.layout())).collect();
    assert_eq!(found.len(), records.len(), "no record appears twice");
    assert!(found.iter().all(|(address, layout)| model.get(address) == Some(layout)));
    let bytes: u64 = records.iter().map(|record| record.size_bytes() as u64).sum();
    assert_eq!(counters.live_bytes, bytes);
    assert!(counters.peak_live_bytes >= bytes || counters.peak_live_bytes > 0 || bytes == 0);
    assert_eq!((counters.bad_frees, counters.failures), (0, 0));
}

/// Runs rounds of so many threads, and checks all figures between them. `meanwhile` runs beside the threads, again and
/// again.
pub(crate) fn run_model<B: Backend + Send, const LANES: usize>(
    heap: &Heap<B, LANES>,
    threads: usize,
    rounds: usize,
    steps: usize,
    meanwhile: impl Fn(&mut Random) + Sync,
) {
    let pool = Mutex::new(Model::new());
    let mut models: Vec<Model> = vec![Model::new(); threads];
    for round in 0..rounds {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers: Vec<_> = models
                .iter_mut()
                .enumerate()
                .map(|(number, model)| {
                    let pool = &pool;
                    scope.spawn(move || {
                        Crowd::<LANES>::start(number);
                        let mut random = Random::new((round * threads + number) as u64);
                        work(heap, &mut random, model, pool, steps);
                    })
                })
                .collect();
            let (is_done, meanwhile) = (&is_done, &meanwhile);
            scope.spawn(move || {
                Crowd::<LANES>::start(threads);
                let mut random = Random::new(1 << 40 | round as u64);
                while !is_done.load(Ordering::Relaxed) {
                    meanwhile(&mut random);
                    thread::yield_now();
                }
            });
            let ended: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            is_done.store(true, Ordering::Relaxed);
            for ended in ended {
                ended.unwrap();
            }
        });
        let mut all = pool.lock().unwrap().clone();
        for model in &models {
            all.extend(model);
        }
        assert_agrees(heap, &all);
    }
    let all: Model = models.into_iter().flatten().chain(pool.into_inner().unwrap()).collect();
    for (address, layout) in all {
        // SAFETY: live, and nobody uses it.
        unsafe { heap.free_with_layout(NonNull::new(address as *mut u8).unwrap(), layout) }.unwrap();
    }
    assert_agrees(heap, &Model::new());
}

/// How many threads the models have.
pub(crate) const THREADS: [usize; 4] = [1, 2, 4, 8];

//! All that threads do at once in a tracker, for valgrind's helgrind to watch: `make soak` builds it with the feature
//! `helgrind`. Threads meet in the tracker only, or when one starts or ends, as helgrind knows no locks of Rust's.
//!
//!     races [planted]     with a race that is to be found

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "common/crowd.rs"]
#[expect(dead_code, reason = "shared with other programs")]
mod crowd;

use std::alloc::{Layout, System};
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;

use crowd::{Crowd, Random};
use memstat::{Consistency, Event, GuardLevel, Level, Over, Record, Tracked, report};

/// A lane for each of three threads, and one that the first two of them share.
type Heap<const LANES: usize> = Tracked<Over<System>, Crowd<LANES>>;

const THREADS: usize = 3;
/// Blocks that each thread has.
const BLOCKS: usize = 60;

fn layout(random: &mut Random) -> Layout {
    Layout::from_size_align(1 + random.below(300), 8).unwrap()
}

fn pointer(address: usize) -> NonNull<u8> {
    NonNull::new(address as *mut u8).unwrap()
}

/// Blocks by their addresses.
type Blocks = Vec<(usize, Layout)>;

fn allocate<const LANES: usize>(heap: &Heap<LANES>, random: &mut Random) -> Blocks {
    let some = (0..BLOCKS).map(|_| {
        let layout = layout(random);
        let block = heap.allocate(layout).unwrap();
        // SAFETY: a fresh block.
        unsafe { block.write_bytes(1, layout.size()) };
        (block.as_ptr() as usize, layout)
    });
    some.collect()
}

/// Frees what others free as well, and says how many of the frees were good. Nobody allocates meanwhile.
fn free_shared<const LANES: usize>(heap: &Heap<LANES>, number: usize, shared: &Blocks) -> usize {
    Crowd::<LANES>::start(number);
    // SAFETY: nobody uses them; of the frees of each only one is good.
    let is_good = |(address, layout): &&(usize, Layout)| unsafe {
        heap.free_with_layout(pointer(*address), *layout).is_ok()
    };
    shared.iter().filter(is_good).count()
}

/// Allocates blocks, resizes half of those that it has then, and frees the others.
fn work<const LANES: usize>(heap: &Heap<LANES>, number: usize, mut mine: Blocks) -> Blocks {
    Crowd::<LANES>::start(number);
    let mut random = Random::new(number as u64);
    mine.extend(allocate(heap, &mut random));
    let mut kept = Vec::new();
    for (place, (address, layout)) in mine.into_iter().enumerate() {
        if place % 2 == 0 {
            // SAFETY: live, and this thread's.
            unsafe { heap.free_with_layout(pointer(address), layout) }.unwrap();
            continue;
        }
        let size_bytes = 1 + random.below(600);
        // SAFETY: as above.
        let moved = unsafe { heap.reallocate_with_layout(pointer(address), layout, size_bytes) };
        let moved = moved.unwrap().unwrap().as_ptr() as usize;
        kept.push((moved, Layout::from_size_align(size_bytes, 8).unwrap()));
    }
    kept
}

/// Reads all there is, and switches the level to each of these.
fn look<const LANES: usize>(heap: &Heap<LANES>, levels: &[Level]) {
    for level in levels {
        let mut records = [Record::EMPTY; 32];
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            cursor = heap.blocks().read(from, &mut records).1;
        }
        heap.history().read(0, &mut [Event::EMPTY; 32]);
        let mut text = String::new();
        report::write_totals(heap, "watched", &mut text).unwrap();
        report::write_top_stacks(heap, &mut text).unwrap();
        heap.set_level(*level);
    }
}

fn watch<const LANES: usize>(level: Level, guard: GuardLevel) {
    let heap = Arc::new(Heap::<LANES>::over(Crowd, Over(System), Level::Blocks));
    heap.set_level(level);
    heap.guards().set_level(guard);
    let mut random = Random::new(99);
    // The first thread alone.
    let mut parts: Vec<Blocks> = (0..THREADS).map(|_| allocate(&heap, &mut random)).collect();
    // Without a record, a second free would be believed.
    if level >= Level::Blocks {
        let shared = allocate(&heap, &mut random);
        let spawned: Vec<_> = (0..THREADS)
            .map(|number| {
                let (heap, shared) = (Arc::clone(&heap), shared.clone());
                thread::spawn(move || free_shared(&heap, number, &shared))
            })
            .collect();
        let good: usize = spawned.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!((good, heap.counters().bad_frees as usize), (BLOCKS, (THREADS - 1) * BLOCKS));
    }
    for is_switching in [false, true] {
        let spawned: Vec<_> = parts
            .drain(..)
            .enumerate()
            .map(|(number, part)| {
                let heap = Arc::clone(&heap);
                thread::spawn(move || work(&heap, number, part))
            })
            .collect();
        let levels = [Level::Counters, Level::Off, level];
        look(&heap, if is_switching { &levels } else { &levels[2..] });
        parts = spawned.into_iter().map(|thread| thread.join().unwrap()).collect();
        // What one has is the next one's.
        parts.rotate_left(1);
    }
    for (address, layout) in parts.into_iter().flatten() {
        // SAFETY: live, and nobody uses it.
        unsafe { heap.free_with_layout(pointer(address), layout) }.unwrap();
    }
    let counters = heap.counters();
    assert_eq!((counters.live_blocks, heap.check_consistency()), (0, Consistency::Holds), "{level}, {guard}");
}

/// A number that two threads change, and nothing keeps them apart.
struct Planted(UnsafeCell<u64>);

// SAFETY: none; that is what is to be found.
unsafe impl Sync for Planted {}

fn main() {
    if std::env::args().any(|word| word == "planted") {
        let planted = Arc::new(Planted(UnsafeCell::new(0)));
        let threads = [(); 2].map(|()| {
            let planted = Arc::clone(&planted);
            // SAFETY: none, as above; both write the same.
            thread::spawn(move || unsafe { planted.0.get().write_volatile(1) })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        return;
    }
    for level in Level::ALL {
        watch::<8>(level, GuardLevel::Off);
    }
    watch::<2>(Level::Full, GuardLevel::Off);
    watch::<8>(Level::Stacks, GuardLevel::Full);
    // As the usual harness says it.
    println!("test result: ok. 7 passed; 0 failed");
}

//! Other crates' allocators behind `Over`: with one thread and with several, the books balance, contents stay, and bad
//! frees never reach them; and at each quiet point the figures are those of the threads' own models.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "common/adapter_models.rs"]
mod adapter_models;
#[path = "common/crowd.rs"]
mod crowd;
#[path = "common/records.rs"]
mod records;
#[path = "common/threads_model.rs"]
mod threads_model;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;
use std::thread;

use adapter_models::follow_models;
use memstat::{Consistency, HostPlatform, Level, Over, Tracked};

const MEMORY_BYTES: usize = 8 << 20;
const STEPS: usize = 4000;

/// Memory for an allocator, for ever.
fn memory() -> &'static mut [u128] {
    vec![0_u128; MEMORY_BYTES / size_of::<u128>()].leak()
}

/// Where it starts, and how long it is.
fn span() -> (*mut u8, usize) {
    (memory().as_mut_ptr().cast(), MEMORY_BYTES)
}

/// A generator of the family xorshift (Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }
}

/// Blocks of one thread, each full of its number.
fn use_heap(heap: &impl GlobalAlloc, seed: u64) {
    let mut random = Random(seed);
    let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
    let check = |block: *mut u8, size_bytes: usize, byte: u8| {
        // SAFETY: live, and that long.
        let bytes = unsafe { std::slice::from_raw_parts(block, size_bytes) };
        assert!(bytes.iter().all(|found| *found == byte), "contents stay");
    };
    for step in 0..STEPS {
        let byte = step as u8;
        let max_bytes = if random.below(8) == 0 { 9000 } else { 300 };
        let size_bytes = 1 + random.below(max_bytes);
        let layout = Layout::from_size_align(size_bytes, 1 << random.below(7)).unwrap();
        // SAFETY: sizes are not zero; each block is used with the layout that it has.
        unsafe {
            match random.below(5) {
                0 | 1 if live.len() < 200 => {
                    let is_zeroed = random.below(2) == 0;
                    let block = if is_zeroed { heap.alloc_zeroed(layout) } else { heap.alloc(layout) };
                    assert!(!block.is_null() && (block as usize).is_multiple_of(layout.align()));
                    if is_zeroed {
                        check(block, size_bytes, 0);
                    }
                    block.write_bytes(byte, size_bytes);
                    live.push((block, layout, byte));
                }
                2 if !live.is_empty() => {
                    let place = random.below(live.len());
                    let (block, old, known) = live[place];
                    let moved = heap.realloc(block, old, size_bytes);
                    assert!(!moved.is_null());
                    check(moved, old.size().min(size_bytes), known);
                    moved.write_bytes(byte, size_bytes);
                    live[place] = (moved, Layout::from_size_align(size_bytes, old.align()).unwrap(), byte);
                }
                _ if !live.is_empty() => {
                    let (block, layout, known) = live.swap_remove(random.below(live.len()));
                    check(block, layout.size(), known);
                    heap.dealloc(block, layout);
                }
                _ => {}
            }
        }
    }
    for (block, layout, known) in live {
        check(block, layout.size(), known);
        // SAFETY: live, with this layout.
        unsafe { heap.dealloc(block, layout) };
    }
}

/// Any allocator. One type for all: the tracker over it is compiled once.
struct Any(Box<dyn GlobalAlloc + Send + Sync>);

// SAFETY: all calls go to the allocator inside.
unsafe impl GlobalAlloc for Any {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: upheld by the caller.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: upheld by the caller.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: upheld by the caller.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: upheld by the caller.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}

fn exercise<A: GlobalAlloc + Send + Sync + 'static>(make: impl Fn() -> A) {
    exercise_any(&|| Any(Box::new(make())));
}

fn exercise_any(make: &dyn Fn() -> Any) {
    follow_models(make);
    for (level, threads) in Level::ALL.into_iter().flat_map(|level| [(level, 1), (level, 4)]) {
        let heap = Box::new(Tracked::over(HostPlatform, Over(make()), Level::Blocks));
        heap.set_level(level);
        thread::scope(|scope| {
            for seed in 1..=threads {
                let heap = &*heap;
                scope.spawn(move || use_heap(heap, seed));
            }
        });
        let counters = heap.counters();
        assert_eq!(
            (counters.live_blocks, counters.taken_bytes, counters.live_bytes),
            (0, 0, 0),
            "{level}, {threads}"
        );
        assert_eq!((counters.bad_frees, counters.failures), (0, 0), "{level}, {threads}");
        assert_eq!(heap.check_consistency(), Consistency::Holds, "{level}, {threads}");
        if level >= Level::Blocks {
            let block: NonNull<u8> = heap.allocate(Layout::new::<[u64; 8]>()).unwrap();
            // SAFETY: all but one are refused.
            unsafe {
                heap.free(block.add(8)).unwrap_err();
                heap.free_with_layout(block, Layout::new::<u8>()).unwrap_err();
                heap.free(block).unwrap();
                heap.free(block).unwrap_err();
            }
        }
    }
}

#[test]
fn system() {
    exercise(|| System);
}

#[test]
fn talc() {
    exercise(|| {
        let (start, size_bytes) = span();
        // SAFETY: the memory is the allocator's for ever.
        let source = unsafe { talc::source::Claim::new(start, size_bytes) };
        talc::sync::TalcLock::<spin::Mutex<()>, _, talc::DefaultBinning>::new(source)
    });
}

#[test]
fn linked_list_allocator() {
    exercise(|| {
        let (start, size_bytes) = span();
        // SAFETY: as above.
        unsafe { linked_list_allocator::LockedHeap::new(start, size_bytes) }
    });
}

#[test]
fn buddy_system_allocator() {
    exercise(|| {
        let (start, size_bytes) = span();
        let heap = buddy_system_allocator::LockedHeap::<32>::empty();
        // SAFETY: as above.
        unsafe { heap.lock().init(start as usize, size_bytes) };
        heap
    });
}

#[test]
fn rlsf() {
    exercise(rlsf::SmallGlobalTlsf::new);
}

#[test]
fn embedded_alloc() {
    exercise(|| {
        let (start, size_bytes) = span();
        let heap = embedded_alloc::LlffHeap::empty();
        // SAFETY: as above.
        unsafe { heap.init(start as usize, size_bytes) };
        heap
    });
    exercise(|| {
        let (start, size_bytes) = span();
        let heap = embedded_alloc::TlsfHeap::empty();
        // SAFETY: as above.
        unsafe { heap.init(start as usize, size_bytes) };
        heap
    });
}

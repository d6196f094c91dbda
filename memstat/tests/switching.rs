//! Guards and levels are switched while others allocate and free: in every gap between two critical sections, as an
//! interrupt would, and from other threads. The backend rejects a double free, so a block that goes back twice ends the
//! test.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "common/lanes.rs"]
mod lanes;

use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memstat::{
    Backend, BadFree, Consistency, Corruption, FirstUse, GuardLevel, GuardPages, Hooks, Level, Live,
    Location, Platform, Tracked,
};

const LAYOUT: Layout = Layout::new::<[u64; 5]>();
const PAGE: Layout = match Layout::from_size_align(4096, 4096) {
    Ok(layout) => layout,
    Err(_) => panic!(),
};

thread_local! {
    /// What an interrupt does, when interrupts come back.
    static HANDLER: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

#[derive(Debug, Default)]
struct Interrupted {
    stamp: AtomicU64,
    used: lanes::Used,
}

// SAFETY: pages come from the host's allocator. What runs when interrupts come back finds the lock free.
unsafe impl Platform for Interrupted {
    const LANES: usize = lanes::lanes_of(module_path!());

    fn stamp(&self) -> u64 {
        self.stamp.fetch_add(1, Ordering::Relaxed)
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        stamp
    }

    fn cpu(&self) -> u8 {
        self.used.cpu(module_path!(), 0)
    }

    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {
        // What it does itself is not interrupted.
        if let Some(mut handler) = HANDLER.take() {
            handler();
            HANDLER.replace(Some(handler));
        }
    }

    fn take_page(&self) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { std::alloc::alloc(PAGE) })
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: from `take_page`.
        unsafe { std::alloc::dealloc(page.as_ptr(), PAGE) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for Interrupted {}

impl Hooks for Interrupted {
    fn is_lock_held_here(&self) -> bool {
        // There are more threads than CPUs: who waits lets the others run.
        std::thread::yield_now();
        false
    }

    fn on_first_use(&self, _tracker: &dyn FirstUse) {
        self.used.set();
    }

    fn on_corruption(&self, corruption: &Corruption, _frame_pointer: usize) {
        panic!("nobody has written there: {corruption:?}");
    }
}

const CELL_BYTES: usize = 128;
const CELLS: usize = 4096;

/// Cells of one size, with a bit for each that is handed out. All its paths are fast ones.
#[derive(Debug)]
struct Cells {
    memory: Vec<[u8; CELL_BYTES]>,
    is_live: Vec<bool>,
    free: Vec<usize>,
}

impl Cells {
    fn new() -> Self {
        let memory = vec![[0; CELL_BYTES]; CELLS];
        Self { memory, is_live: vec![false; CELLS], free: (0..CELLS).rev().collect() }
    }

    fn give(&mut self, address: usize) -> usize {
        let cell = (address - self.memory.as_ptr() as usize) / CELL_BYTES;
        assert!(self.is_live[cell], "the block goes back to the backend twice");
        self.is_live[cell] = false;
        self.free.push(cell);
        CELL_BYTES
    }
}

// SAFETY: cells are disjoint, each handed out once.
unsafe impl Backend for Cells {
    const KNOWS_LIVE: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        if layout.size() > CELL_BYTES || layout.align() > 16 {
            return None;
        }
        let cell = self.free.pop()?;
        self.is_live[cell] = true;
        Some(NonNull::from(&mut self.memory[cell][..]))
    }

    fn has_fast_path(&self) -> bool {
        true
    }

    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.allocate(layout)
    }

    unsafe fn deallocate_fast(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        claimed.map(|_| self.give(address))
    }

    unsafe fn taken_size_bytes_fast(&self, _layout: Layout) -> Option<usize> {
        Some(CELL_BYTES)
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, _layout: Layout) -> usize {
        self.give(block.as_ptr() as usize)
    }

    fn live(&self) -> Option<Live> {
        let blocks = (CELLS - self.free.len()) as u64;
        Some(Live { blocks, bytes: blocks * CELL_BYTES as u64 })
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        layout.size().max(CELL_BYTES)
    }

    fn locate(&self, address: usize) -> Location {
        let offset = address.wrapping_sub(self.memory.as_ptr() as usize);
        let start = address.wrapping_sub(offset % CELL_BYTES);
        match self.is_live.get(offset / CELL_BYTES) {
            Some(true) => {
                let layout = Layout::from_size_align(CELL_BYTES, 16).unwrap();
                Location::Live { start, layout }
            }
            Some(false) => Location::Free { start },
            None => Location::Unknown,
        }
    }
}

type Heap = Tracked<Cells, Interrupted>;

fn heap(level: Level) -> Heap {
    let heap = Tracked::new(Interrupted::default());
    heap.start(Cells::new());
    heap.set_level(level);
    heap
}

fn free(heap: &Heap, block: NonNull<u8>) -> Result<(), BadFree> {
    // SAFETY: it is live, and not used.
    unsafe { heap.free(block) }
}

/// More frees than the ring remembers, so that what was left in it is overwritten.
fn turn_the_ring(heap: &Heap) {
    for _ in 0..3000 {
        free(heap, heap.allocate(LAYOUT).unwrap()).unwrap();
    }
}

fn is_empty(heap: &Heap) -> bool {
    heap.guards().set_level(GuardLevel::Off);
    heap.reclaim();
    assert_eq!(heap.check_consistency(), Consistency::Holds);
    let live = heap.with_backend(Backend::live).flatten().unwrap();
    (live.blocks, heap.counters().live_blocks) == (0, 0)
}

/// What the interrupt handler of a test does: every other time it allocates a block, else it frees its oldest one.
struct Interrupts {
    heap: &'static Heap,
    blocks: VecDeque<NonNull<u8>>,
    calls: u8,
}

impl Interrupts {
    /// Interrupts come from now on, whenever a critical section is left.
    fn start(heap: &'static Heap) -> Rc<RefCell<Self>> {
        let interrupts = Rc::new(RefCell::new(Self { heap, blocks: VecDeque::new(), calls: 0 }));
        let shared = Rc::clone(&interrupts);
        HANDLER.replace(Some(Box::new(move || shared.borrow_mut().run())));
        interrupts
    }

    /// No more interrupts; their blocks are freed.
    fn stop(interrupts: &RefCell<Self>) {
        HANDLER.take();
        let Self { heap, blocks, .. } = &mut *interrupts.borrow_mut();
        blocks.drain(..).for_each(|block| free(heap, block).unwrap());
    }

    fn run(&mut self) {
        self.calls = self.calls.wrapping_add(1);
        if self.blocks.is_empty() || self.calls.is_multiple_of(2) && self.blocks.len() < 100 {
            let block = self.heap.allocate(LAYOUT).unwrap();
            // SAFETY: a fresh block of this layout.
            unsafe { block.write_bytes(0x33, LAYOUT.size()) };
            self.blocks.push_back(block);
        } else if let Some(block) = self.blocks.pop_front() {
            // SAFETY: live, and written when it was allocated.
            let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), LAYOUT.size()) };
            assert!(bytes.iter().all(|byte| *byte == 0x33), "a live block was changed");
            free(self.heap, block).unwrap();
        }
    }
}

#[test]
fn what_is_freed_in_a_gap_of_a_switch_goes_back_once() {
    for level in [Level::Blocks, Level::Stacks, Level::Full] {
        for next in [GuardLevel::Off, GuardLevel::Free, GuardLevel::RedZone] {
            let heap: &'static Heap = Box::leak(Box::new(heap(level)));
            heap.guards().set_level(GuardLevel::Full);
            turn_the_ring(heap);
            let interrupts = Interrupts::start(heap);
            heap.guards().set_level(next);
            assert_eq!(heap.guards().statistics().quarantined_blocks, 0, "{next} at {level:?}");
            turn_the_ring(heap);
            Interrupts::stop(&interrupts);
            assert!(is_empty(heap));
        }
    }
}

#[test]
fn what_is_freed_in_a_gap_as_the_level_drops_goes_back_once() {
    for next in [Level::Off, Level::Counters] {
        let heap: &'static Heap = Box::leak(Box::new(heap(Level::Stacks)));
        heap.guards().set_level(GuardLevel::Full);
        turn_the_ring(heap);
        let interrupts = Interrupts::start(heap);
        heap.set_level(next);
        assert_eq!(heap.guards().statistics().quarantined_blocks, 0, "{next}");
        turn_the_ring(heap);
        Interrupts::stop(&interrupts);
        heap.set_level(Level::Stacks);
        assert!(is_empty(heap));
    }
}

/// Everything that leaves the lock and enters it again, and everything that changes what is done at each level.
const OPERATIONS: [fn(&Heap); 20] = [
    |heap| heap.guards().set_level(GuardLevel::RedZone),
    |heap| heap.guards().set_level(GuardLevel::Full),
    |heap| heap.guards().set_level(GuardLevel::Off),
    |heap| heap.guards().set_level(GuardLevel::Free),
    |heap| heap.guards().set_level(GuardLevel::Full),
    |heap| heap.set_level(Level::Counters),
    |heap| heap.set_level(Level::Stacks),
    |heap| heap.set_level(Level::Off),
    |heap| heap.set_level(Level::Full),
    |heap| heap.set_level(Level::Blocks),
    |heap| heap.guards().set_quarantine_limits(8, 4096),
    |heap| heap.guards().set_quarantine_limits(512, 1 << 20),
    |heap| heap.guards().flush_quarantine(),
    |heap| {
        heap.guards().check(|| true);
    },
    |heap| heap.history().set_capacity(300),
    |heap| {
        heap.history().set_on(false);
        heap.history().set_on(true);
        heap.history().clear();
    },
    |heap| {
        // SAFETY: there are no roots.
        let _ = unsafe { heap.leaks().scan(&[], || true) };
        heap.leaks().clear();
    },
    |heap| {
        let block = heap.allocate(LAYOUT).unwrap();
        // SAFETY: live, and used by nobody else.
        let moved = unsafe {
            block.write_bytes(0x44, LAYOUT.size());
            let moved = heap.reallocate_with_layout(block, LAYOUT, 100).unwrap().unwrap();
            assert!(
                std::slice::from_raw_parts(moved.as_ptr(), LAYOUT.size()).iter().all(|byte| *byte == 0x44)
            );
            moved
        };
        free(heap, moved).unwrap();
    },
    |heap| {
        assert!(!heap.guards().set_sampling_interval(3), "there is no window");
        heap.guards().set_sampling_interval(0);
    },
    |heap| heap.reclaim(),
];

#[test]
fn interrupts_that_allocate_and_free_in_every_gap_find_a_heap_in_order() {
    let heap: &'static Heap = Box::leak(Box::new(heap(Level::Stacks)));
    let mut own = VecDeque::new();
    let interrupts = Interrupts::start(heap);
    for first in 0..OPERATIONS.len() {
        for second in 0..OPERATIONS.len() {
            for number in [first, second] {
                for _ in 0..40 {
                    own.push_back(heap.allocate(LAYOUT).unwrap());
                    if own.len() > 300 {
                        free(heap, own.pop_front().unwrap()).unwrap();
                    }
                }
                OPERATIONS[number](heap);
            }
            let handler = HANDLER.take();
            assert_eq!(heap.check_consistency(), Consistency::Holds, "operation {second} after {first}");
            HANDLER.replace(handler);
        }
    }
    Interrupts::stop(&interrupts);
    own.drain(..).for_each(|block| free(heap, block).unwrap());
    assert!(is_empty(heap));
}

#[test]
fn threads_free_while_guards_and_levels_are_switched() {
    let heap = heap(Level::Blocks);
    let (is_over, frees) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let work = || {
            scope.spawn(|| {
                let mut blocks = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    blocks.extend((0..20).map(|_| heap.allocate(LAYOUT).unwrap()));
                    blocks.drain(..).for_each(|block| free(&heap, block).unwrap());
                    frees.fetch_add(20, Ordering::Relaxed);
                }
            })
        };
        let workers = [work(), work(), work()];
        scope.spawn(|| {
            // Who reads, scans and resizes meanwhile.
            while !is_over.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_millis(2));
                OPERATIONS[13..].iter().for_each(|operation| operation(&heap));
                heap.leaks().snapshot();
                heap.try_snapshot::<4>();
            }
        });
        let rounds = std::env::var("SWITCHES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(25);
        'switches: for round in 0..rounds {
            // A block that a switch leaves in quarantine does harm when the ring of frees has turned.
            let enough = frees.load(Ordering::Relaxed) + 1500;
            while frees.load(Ordering::Relaxed) < enough {
                if workers.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                    // It has failed, and so does the test.
                    break 'switches;
                }
                std::thread::yield_now();
            }
            let guards =
                [GuardLevel::Full, GuardLevel::RedZone, GuardLevel::Full, GuardLevel::Free, GuardLevel::Off];
            heap.guards().set_level(guards[round % guards.len()]);
            if round % 7 == 0 {
                heap.set_level([Level::Blocks, Level::Stacks, Level::Counters, Level::Full][round / 7 % 4]);
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    heap.set_level(Level::Blocks);
    assert!(is_empty(&heap));
}

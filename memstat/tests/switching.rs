//! Guards are switched while others allocate and free: in every gap of the switch, as an interrupt would, and from other
//! threads. The backend refuses what it has not handed out, so a block that goes back twice ends the test.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::alloc::Layout;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memstat::{
    Backend, BadFree, Consistency, Corruption, GuardLevel, GuardPages, Hooks, Level, Live, Location,
    Platform, Tracked,
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
}

// SAFETY: pages come from the host's allocator. What runs when interrupts come back finds the lock free.
unsafe impl Platform for Interrupted {
    fn stamp(&self) -> u64 {
        self.stamp.fetch_add(1, Ordering::Relaxed)
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        stamp
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

    fn usable_size_bytes(&self, _layout: Layout) -> usize {
        CELL_BYTES
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

#[test]
fn what_is_freed_in_a_gap_of_a_switch_goes_back_once() {
    for level in [Level::Blocks, Level::Stacks, Level::Full] {
        for next in [GuardLevel::Off, GuardLevel::Free, GuardLevel::RedZone] {
            let heap: &'static Heap = Box::leak(Box::new(heap(level)));
            heap.guards().set_level(GuardLevel::Full);
            turn_the_ring(heap);
            let mut blocks: Vec<_> = (0..200).map(|_| heap.allocate(LAYOUT).unwrap()).collect();
            HANDLER.replace(Some(Box::new(move || {
                if let Some(block) = blocks.pop() {
                    free(heap, block).unwrap();
                }
            })));
            heap.guards().set_level(next);
            assert_eq!(heap.guards().statistics().quarantined_blocks, 0, "{next} at {level:?}");
            turn_the_ring(heap);
            HANDLER.take();
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
        let mut blocks: Vec<_> = (0..200).map(|_| heap.allocate(LAYOUT).unwrap()).collect();
        HANDLER.replace(Some(Box::new(move || {
            if let Some(block) = blocks.pop() {
                free(heap, block).unwrap();
            }
        })));
        heap.set_level(next);
        assert_eq!(heap.guards().statistics().quarantined_blocks, 0, "{next}");
        turn_the_ring(heap);
        HANDLER.take();
        heap.set_level(Level::Stacks);
        assert!(is_empty(heap));
    }
}

#[test]
fn threads_free_while_guards_and_levels_are_switched() {
    let heap = heap(Level::Blocks);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut blocks = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    blocks.extend((0..20).map(|_| heap.allocate(LAYOUT).unwrap()));
                    blocks.drain(..).for_each(|block| free(&heap, block).unwrap());
                }
            });
        }
        let rounds = std::env::var("SWITCHES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(300);
        for round in 0..rounds {
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

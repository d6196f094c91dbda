//! Several trackers over the system's allocator, for callgrind to count: pairs of an allocation and a free, or a
//! hammer of allocations, reallocations and frees in random order.
//!
//!     peers NAME COUNT [hammer]
//!
//! `make bench` runs it twice a name, with different numbers of pairs: the difference is the pairs' alone. The table in
//! memstat's README comes from the same with the hammer.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use memstat::MAX_FRAMES;
use memstat::{Host, Level};
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker};

const DEPTH: u32 = 16;
const SIZE_BYTES: usize = 64;
/// Other blocks that are live meanwhile, as in any program.
const OTHERS: usize = 40;

static TRACKED: Host = Host::new();
static STATS: stats_alloc::StatsAlloc<System> = stats_alloc::StatsAlloc::system();
static TRACKING: tracking_allocator::Allocator<System> = tracking_allocator::Allocator::system();

/// Counts blocks and bytes, which is the least that a tracker does for the crate `tracking-allocator`.
#[derive(Default)]
struct Counting {
    allocations: AtomicUsize,
    frees: AtomicUsize,
    live_bytes: AtomicUsize,
}

impl AllocationTracker for Counting {
    fn allocated(&self, _address: usize, size: usize, _wrapped_size: usize, _group: AllocationGroupId) {
        self.allocations.fetch_add(1, Ordering::Relaxed);
        self.live_bytes.fetch_add(size, Ordering::Relaxed);
    }

    fn deallocated(
        &self,
        _address: usize,
        size: usize,
        _wrapped_size: usize,
        _source: AllocationGroupId,
        _current: AllocationGroupId,
    ) {
        self.frees.fetch_add(1, Ordering::Relaxed);
        self.live_bytes.fetch_sub(size, Ordering::Relaxed);
    }
}

#[inline(never)]
fn descend(depth: u32, work: &mut dyn FnMut()) {
    if depth == 0 {
        work();
    } else {
        descend(depth - 1, work);
    }
    black_box(depth);
}

/// One of those that are compared. As a program's global allocator it is a static, whose address is known.
trait Peer {
    fn allocator() -> &'static (impl GlobalAlloc + 'static);
}

/// Makes a static a peer.
macro_rules! peer {
    ($peer:ident, $allocator:expr) => {
        struct $peer;

        impl Peer for $peer {
            #[inline]
            fn allocator() -> &'static (impl GlobalAlloc + 'static) {
                &$allocator
            }
        }
    };
}

peer!(SystemAlone, System);
peer!(Stats, STATS);
peer!(Tracking, TRACKING);
peer!(Dhat, dhat::Alloc);
peer!(Memstat, TRACKED);

fn run<P: Peer>(pairs: usize) {
    let layout = Layout::new::<[u8; SIZE_BYTES]>();
    for _ in 0..OTHERS {
        // SAFETY: the size is not zero.
        black_box(unsafe { P::allocator().alloc(layout) });
    }
    descend(DEPTH, &mut || {
        for _ in 0..pairs {
            // SAFETY: the size is not zero; the block is freed once, with its layout.
            unsafe {
                let block = P::allocator().alloc(black_box(layout));
                P::allocator().dealloc(black_box(block), black_box(layout));
            }
        }
    });
}

/// Slots of the hammer; about two thirds hold a block.
const SLOTS: usize = 1000;
const MAX_HAMMER_BYTES: usize = 600;

/// A generator of the family xorshift (Marsaglia, 2003), so that each tracker sees the same operations.
struct Random(u64);

impl Random {
    #[inline]
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) as usize * limit) >> 32
    }
}

#[inline]
fn layout_of(size_bytes: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and sizes are small.
    unsafe { Layout::from_size_align_unchecked(size_bytes, 8) }
}

/// Operations in random order on blocks of 1 to 600 bytes: an empty slot is filled, a full one is emptied or, one time
/// in three, given another size.
fn hammer<P: Peer>(operations: usize) {
    let mut slots = vec![(std::ptr::null_mut::<u8>(), 0_usize); SLOTS];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    descend(DEPTH, &mut || {
        for _ in 0..operations {
            let slot = &mut slots[random.below(SLOTS)];
            let size_bytes = 1 + random.below(MAX_HAMMER_BYTES);
            // SAFETY: sizes are not zero; each block is resized and freed with the layout that it has.
            unsafe {
                if slot.0.is_null() {
                    *slot = (P::allocator().alloc(layout_of(size_bytes)), size_bytes);
                } else if random.below(3) == 0 {
                    *slot = (P::allocator().realloc(slot.0, layout_of(slot.1), size_bytes), size_bytes);
                } else {
                    P::allocator().dealloc(slot.0, layout_of(slot.1));
                    slot.0 = std::ptr::null_mut();
                }
            }
        }
    });
}

/// The work that is counted.
#[derive(Clone, Copy)]
enum Work {
    Pairs,
    Hammer,
}

fn work<P: Peer>(work: Work, count: usize) {
    match work {
        Work::Pairs => run::<P>(count),
        Work::Hammer => hammer::<P>(count),
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let pairs = words.next().and_then(|word| word.parse().ok()).unwrap_or(1000);
    let kind = if words.next().as_deref() == Some("hammer") { Work::Hammer } else { Work::Pairs };
    match name.as_str() {
        "system" => work::<SystemAlone>(kind, pairs),
        "stats_alloc" => work::<Stats>(kind, pairs),
        "tracking-allocator" => {
            AllocationRegistry::set_global_tracker(Counting::default()).expect("no other tracker is there");
            AllocationRegistry::enable_tracking();
            work::<Tracking>(kind, pairs);
        }
        "dhat" => {
            let profiler = dhat::Profiler::builder().testing().trim_backtraces(Some(MAX_FRAMES)).build();
            work::<Dhat>(kind, pairs);
            drop(profiler);
        }
        level => {
            let Some(level) = level.strip_prefix("memstat-").and_then(Level::from_name) else {
                eprintln!("peers: no such name: {level}");
                std::process::exit(2);
            };
            TRACKED.set_level(level);
            work::<Memstat>(kind, pairs);
        }
    }
}

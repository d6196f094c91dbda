//! Pairs of an allocation and a free through several trackers over the system's allocator, for callgrind to count.
//!
//!     peers NAME PAIRS
//!
//! `make bench` runs it twice a name, with different numbers of pairs: the difference is the pairs' alone.

mod host;
#[path = "host/system.rs"]
mod system;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use host::HostPlatform;
use memstat::MAX_FRAMES;
use memstat::{Level, Tracked};
use system::SystemBackend;
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker};

const DEPTH: u32 = 16;
const SIZE_BYTES: usize = 64;
/// Other blocks that are live meanwhile, as in any program.
const OTHERS: usize = 40;

static TRACKED: Tracked<SystemBackend, HostPlatform> = Tracked::new(HostPlatform);
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
    HostPlatform::start();
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

fn main() {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let pairs = words.next().and_then(|word| word.parse().ok()).unwrap_or(1000);
    match name.as_str() {
        "system" => run::<SystemAlone>(pairs),
        "stats_alloc" => run::<Stats>(pairs),
        "tracking-allocator" => {
            AllocationRegistry::set_global_tracker(Counting::default()).expect("no other tracker is there");
            AllocationRegistry::enable_tracking();
            run::<Tracking>(pairs);
        }
        "dhat" => {
            let profiler = dhat::Profiler::builder().testing().trim_backtraces(Some(MAX_FRAMES)).build();
            run::<Dhat>(pairs);
            drop(profiler);
        }
        level => {
            let Some(level) = level.strip_prefix("memstat-").and_then(Level::from_name) else {
                eprintln!("peers: no such name: {level}");
                std::process::exit(2);
            };
            TRACKED.set_level(level);
            TRACKED.start(SystemBackend);
            run::<Memstat>(pairs);
        }
    }
}

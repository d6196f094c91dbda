//! The block that an address belongs to: compared with a plain list of all blocks, live and freed.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use common::{FIRST_SITE_ADDRESS, HostBackend, HostPlatform};
use memstat::{BlockState, GuardLevel, Level, Record, Tracked};

type Heap = Tracked<HostBackend, HostPlatform>;

/// Frees that are remembered without guards.
const RECENT: usize = 127;
const STEPS: usize = 4000;

fn heap(level: Level, guard: GuardLevel) -> Heap {
    let heap = Tracked::new(HostPlatform::default());
    heap.start(HostBackend::default());
    heap.set_level(level);
    heap.guards().set_level(guard);
    heap
}

/// What a plain list knows of a block that was freed.
#[derive(Clone, Copy)]
struct Freed {
    block: Record,
    site: usize,
    /// How many frees were before it.
    number: usize,
}

/// Whether live bytes are anywhere in a freed block's place, so that the list cannot say whose it is.
fn is_reused(freed: &Freed, live: &BTreeMap<usize, Record>) -> bool {
    let (start, end) = (freed.block.address(), freed.block.address() + freed.block.size_bytes().max(1) + 64);
    live.range(..end).next_back().is_some_and(|(at, block)| at + block.size_bytes().max(1) + 64 > start)
}

#[test]
fn each_address_belongs_to_the_block_that_a_plain_list_has() {
    for guard in [GuardLevel::Off, GuardLevel::Free, GuardLevel::Full] {
        let heap = heap(Level::Stacks, guard);
        let mut random = fastrand::Rng::with_seed(7);
        let (mut live, mut freed): (BTreeMap<usize, Record>, Vec<Freed>) = Default::default();
        let (mut live_asked, mut freed_asked, mut count) = (0, 0, 0);
        for _ in 0..STEPS {
            let site = random.usize(1..=5);
            heap.platform().site.store(site, Ordering::Relaxed);
            if live.len() < 40 || random.bool() {
                let layout = Layout::from_size_align(random.usize(0..3000), 1 << random.u32(0..7)).unwrap();
                let start = heap.allocate(layout).unwrap().as_ptr() as usize;
                live.insert(start, heap.blocks().get(start).unwrap());
                freed.retain(|freed| !is_reused(freed, &live));
            } else {
                let (&start, &block) = live.iter().nth(random.usize(0..live.len())).unwrap();
                live.remove(&start);
                // SAFETY: nobody uses it.
                unsafe { heap.free(NonNull::new(start as *mut u8).unwrap()).unwrap() };
                freed.push(Freed { block, site, number: count });
                count += 1;
            }
            if let Some(block) = live.values().nth(random.usize(0..live.len())) {
                let address = block.address() + random.usize(0..block.size_bytes().max(1));
                let found = heap.blocks().life_at(address).unwrap();
                assert_eq!((found.state, found.block.address()), (BlockState::Live, block.address()));
                assert!(found.contains(address) && found.free.is_none());
                // The bytes behind it are its own as well, but no part of it.
                let after = heap.blocks().life_at(block.address() + block.size_bytes().max(1));
                let is_own = |life: &memstat::BlockLife| life.block.address() == block.address();
                assert!(after.filter(is_own).is_none_or(|life| !life.contains(address + 3000)));
                live_asked += 1;
            }
            let recent = freed.partition_point(|freed| freed.number + RECENT < count);
            if let Some(Freed { block, site, .. }) =
                freed.get(random.usize(recent..freed.len().max(recent + 1)))
            {
                let address = block.address() + random.usize(0..block.size_bytes().max(1));
                let Some(found) = heap.blocks().life_at(address) else {
                    panic!("{guard:?}: nothing is known of a block that was freed a moment ago");
                };
                assert_eq!(found.block.address(), block.address());
                let is_kept = guard == GuardLevel::Full && found.state == BlockState::Quarantined;
                assert!(is_kept || found.state == BlockState::Freed);
                let free = found.free.unwrap();
                let callers =
                    heap.stacks().get(free.stack()).map_or(found.free_callers[0], |s| s.frames()[0]);
                assert_eq!(callers, FIRST_SITE_ADDRESS + site);
                freed_asked += 1;
            }
        }
        assert!(live_asked > STEPS / 2 && freed_asked > STEPS / 2, "{live_asked} and {freed_asked}");
    }
}

#[test]
fn of_blocks_that_are_not_recorded_nothing_is_told() {
    let heap = heap(Level::Counters, GuardLevel::Off);
    let block = heap.allocate(Layout::new::<[u64; 8]>()).unwrap().as_ptr() as usize;
    for address in [block, block + 8, 0, 8, usize::MAX] {
        assert!(heap.blocks().life_at(address).is_none());
        assert!(heap.blocks().try_life_at(address).unwrap().is_none());
    }
}

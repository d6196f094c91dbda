//! What a tracker must do: one check each, for the exercise and for the solution alike.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::{Arena, BadFree, Counters, Tracker};

/// Makes a tracker whose map is in an arena.
pub type Make = for<'a> fn(&'a Arena) -> Box<dyn Tracker + 'a>;

/// What a check finds: `Err` with what is wrong.
pub type Outcome = Result<(), String>;

/// A check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What must hold.
    pub name: &'static str,
    /// Finds out whether it does.
    pub run: fn(Make) -> Outcome,
}

/// All of them, the easiest first.
pub const CHECKS: &[Check] = &[
    Check { name: "two blocks are counted", run: two_blocks_are_counted },
    Check { name: "what is freed is gone", run: what_is_freed_is_gone },
    Check { name: "the report has one block and more", run: report_has_one_block_and_more },
    Check { name: "ten allocations and ten frees agree with the report", run: ten_agree_with_the_report },
    Check { name: "a double free is refused", run: double_free_is_refused },
    Check { name: "an unknown address is refused", run: unknown_address_is_refused },
    Check { name: "an address may come again", run: address_may_come_again },
    Check { name: "the map is in the arena", run: map_is_in_the_arena },
    Check { name: "a full arena stops nothing", run: full_arena_stops_nothing },
    Check { name: "a hundred thousand random steps agree with a plain map", run: random_steps_agree },
];

/// An address as a heap might hand it out.
const BASE: usize = 0x1000;

fn expect<T: Copy + PartialEq + Debug>(what: &str, found: T, wanted: T) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found:?} instead of {wanted:?}")) }
}

fn expect_live(tracker: &dyn Tracker, blocks: usize, bytes: usize) -> Outcome {
    let Counters { live_blocks, live_bytes, .. } = tracker.counters();
    expect("live blocks and bytes", (live_blocks, live_bytes), (blocks, bytes))
}

fn two_blocks_are_counted(make: Make) -> Outcome {
    let arena = Arena::new();
    let mut tracker = make(&arena);
    expect_live(&*tracker, 0, 0)?;
    tracker.allocate(BASE, 128);
    tracker.allocate(BASE + 128, 512);
    expect_live(&*tracker, 2, 640)?;
    expect("allocations", tracker.counters().allocations, 2)
}

fn what_is_freed_is_gone(make: Make) -> Outcome {
    let arena = Arena::new();
    let mut tracker = make(&arena);
    tracker.allocate(BASE, 128);
    tracker.allocate(BASE + 128, 512);
    expect("the size of the first", tracker.free(BASE), Ok(128))?;
    expect_live(&*tracker, 1, 512)?;
    expect("the size of the second", tracker.free(BASE + 128), Ok(512))?;
    expect_live(&*tracker, 0, 0)?;
    expect("frees", tracker.counters().frees, 2)
}

fn report_has_one_block_and_more(make: Make) -> Outcome {
    let arena = Arena::new();
    let mut tracker = make(&arena);
    expect("the report", tracker.report().as_str(), "0 active blocks, 0 bytes")?;
    tracker.allocate(BASE, 256);
    expect("the report", tracker.report().as_str(), "1 active block, 256 bytes")?;
    tracker.allocate(BASE + 256, 0);
    expect("the report", tracker.report().as_str(), "2 active blocks, 256 bytes")
}

/// The homework of the lesson.
fn ten_agree_with_the_report(make: Make) -> Outcome {
    let arena = Arena::new();
    let mut tracker = make(&arena);
    let sizes = [16, 32, 48, 64, 100, 128, 250, 512, 1000, 4096];
    let mut bytes = 0;
    for (number, size_bytes) in sizes.into_iter().enumerate() {
        tracker.allocate(BASE + number * 4096, size_bytes);
        bytes += size_bytes;
        expect_live(&*tracker, number + 1, bytes)?;
    }
    for (number, size_bytes) in sizes.into_iter().enumerate() {
        expect("the size of a block", tracker.free(BASE + number * 4096), Ok(size_bytes))?;
        bytes -= size_bytes;
        expect_live(&*tracker, sizes.len() - number - 1, bytes)?;
    }
    expect("the report", tracker.report().as_str(), "0 active blocks, 0 bytes")
}

fn double_free_is_refused(make: Make) -> Outcome {
    let arena = Arena::new();
    let mut tracker = make(&arena);
    tracker.allocate(BASE, 64);
    tracker.allocate(BASE + 64, 64);
    expect("the first free", tracker.free(BASE), Ok(64))?;
    expect("the second free", tracker.free(BASE), Err(BadFree { address: BASE }))?;
    expect("bad frees", tracker.counters().bad_frees, 1)?;
    expect("frees", tracker.counters().frees, 1)?;
    expect_live(&*tracker, 1, 64)
}

fn unknown_address_is_refused(make: Make) -> Outcome {
    let arena = Arena::new();
    let mut tracker = make(&arena);
    tracker.allocate(BASE, 64);
    for address in [0, BASE + 8, usize::MAX] {
        expect("the free", tracker.free(address), Err(BadFree { address }))?;
    }
    expect("bad frees", tracker.counters().bad_frees, 3)?;
    expect_live(&*tracker, 1, 64)
}

fn address_may_come_again(make: Make) -> Outcome {
    let arena = Arena::new();
    let mut tracker = make(&arena);
    for size_bytes in [64, 32, 48] {
        tracker.allocate(BASE, size_bytes);
        expect_live(&*tracker, 1, size_bytes)?;
        expect("the size of the block", tracker.free(BASE), Ok(size_bytes))?;
    }
    expect("allocations", tracker.counters().allocations, 3)
}

/// An address and a size for each block take at least two words.
fn map_is_in_the_arena(make: Make) -> Outcome {
    const BLOCKS: usize = 1000;
    let arena = Arena::new();
    let mut tracker = make(&arena);
    (0..BLOCKS).for_each(|number| tracker.allocate(BASE + number * 16, 16));
    expect_live(&*tracker, BLOCKS, BLOCKS * 16)?;
    let (taken_bytes, least_bytes) = (arena.allocated_bytes(), BLOCKS * 2 * size_of::<usize>());
    if taken_bytes >= least_bytes {
        return Ok(());
    }
    Err(format!("the arena has {taken_bytes} bytes, and {BLOCKS} records take {least_bytes} at least"))
}

fn full_arena_stops_nothing(make: Make) -> Outcome {
    const BLOCKS: usize = 10_000;
    let arena = Arena::new();
    arena.set_allocation_limit(Some(16 << 10));
    let mut tracker = make(&arena);
    (0..BLOCKS).for_each(|number| tracker.allocate(BASE + number * 16, 16));
    let Counters { live_blocks, live_bytes, untracked, allocations, .. } = tracker.counters();
    expect("allocations", allocations, BLOCKS)?;
    expect("recorded and untracked blocks together", live_blocks + untracked, BLOCKS)?;
    expect("bytes of the recorded", live_bytes, live_blocks * 16)?;
    expect("whether some are recorded, and some are not", (live_blocks > 0, untracked > 0), (true, true))?;
    for number in 0..BLOCKS {
        if let Err(bad) = tracker.free(BASE + number * 16) {
            return Err(format!("a good free is refused: {bad}"));
        }
    }
    expect_live(&*tracker, 0, 0)?;
    expect("untracked blocks in the end", tracker.counters().untracked, 0)?;
    expect("a free too many", tracker.free(BASE), Err(BadFree { address: BASE }))
}

fn random_steps_agree(make: Make) -> Outcome {
    const STEPS: usize = 100_000;
    let arena = Arena::new();
    let mut tracker = make(&arena);
    let mut model = BTreeMap::new();
    // The xorshift generator (Marsaglia 2003).
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = |limit: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit) as usize
    };
    for step in 0..STEPS {
        let address = BASE + next(500) * 16;
        let size_bytes = next(300);
        if let std::collections::btree_map::Entry::Vacant(place) = model.entry(address) {
            if next(4) == 0 {
                expect("the free", tracker.free(address), Err(BadFree { address }))?;
            } else {
                place.insert(size_bytes);
                tracker.allocate(address, size_bytes);
            }
        } else {
            let wanted = model.remove(&address).ok_or(BadFree { address });
            expect("the free", tracker.free(address), wanted)?;
        }
        let blocks = (model.len(), model.values().sum());
        expect_live(&*tracker, blocks.0, blocks.1).map_err(|error| format!("after step {step}: {error}"))?;
    }
    Ok(())
}

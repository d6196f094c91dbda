//! The cost of an operation while many blocks are live: the mean, and the worst case.

use core::hint::black_box;
use core::ptr::{NonNull, null_mut};

use tally_heap::test_kit::random::Random;

use super::{at_depth, counts_of};
use crate::memory::Scratch;
use crate::memory::heap::{kfree, kmalloc, tracker};
use crate::memory::page_accounting::{Purpose, give_pages, take_pages};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// Costs that are counted separately; slower operations count as this.
const MAX_COUNTS: usize = 1 << 17;
/// The arena is measured each time after so many allocations.
const ARENA_STEP: usize = 1000;
/// From so many live blocks on, the arena's bytes per block are measured.
pub(crate) const ARENA_MIN_BLOCKS: usize = 10_000;

/// Many blocks of 16 to 4096 bytes, as many small ones as large ones on a logarithmic scale.
pub(crate) struct Crowd {
    blocks: Scratch<*mut u8>,
    sizes_bytes: Scratch<u16>,
    random: Random,
}

/// What each operation cost, in hundredths of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// An allocation.
    pub(crate) allocation: u64,
    /// A free.
    pub(crate) free: u64,
}

/// The most expensive single operations, in counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worst {
    /// The most expensive.
    pub(crate) max: usize,
    /// The most expensive but for one in ten thousand.
    pub(crate) percentile_99_99: usize,
}

impl Crowd {
    /// Room for `count` blocks, of which none is there yet; `None` if there is no memory for the tables.
    pub(crate) fn new(count: usize) -> Option<Self> {
        let mut random = Random::new(SEED);
        let blocks = Scratch::new(count.max(1), null_mut)?;
        let sizes_bytes = Scratch::new(count.max(1), || size_bytes(&mut random))?;
        Some(Self { blocks, sizes_bytes, random })
    }

    /// Allocates all blocks and frees them in random order; `None` when memory runs out.
    pub(crate) fn measure_all(&mut self) -> Option<Cost> {
        let Self { blocks, sizes_bytes, random } = self;
        let (blocks, sizes_bytes) = (blocks.as_mut_slice(), sizes_bytes.as_mut_slice());
        let count = blocks.len() as u64;
        let (mut allocations, mut frees, mut empty) = (0, 0, 0);
        at_depth(&mut || {
            empty = counts_of(|| {
                let pairs = blocks.iter_mut().zip(sizes_bytes.iter());
                pairs.for_each(|(block, size)| *block = black_box(usize::from(*size) as *mut u8));
            });
            allocations = counts_of(|| {
                let pairs = blocks.iter_mut().zip(sizes_bytes.iter());
                pairs.for_each(|(block, size)| *block = kmalloc(usize::from(*size)));
            });
            random.shuffle(blocks);
            // SAFETY: from kmalloc, each once, and nobody uses them; null is ignored.
            frees = counts_of(|| blocks.iter().for_each(|block| unsafe { kfree(*block) }));
        });
        let hundredths = |counts: u64| counts.saturating_sub(empty) * 100 / count;
        let has_all = blocks.iter().all(|block| !block.is_null());
        blocks.fill(null_mut());
        has_all.then(|| Cost { allocation: hundredths(allocations), free: hundredths(frees) })
    }

    /// Allocates all blocks, with each operation measured; frees a tenth, and then frees and allocates `churn` times.
    /// Returns the worst of each part; `None` when memory runs out.
    pub(crate) fn measure_each(&mut self, churn: usize) -> Option<(Worst, Worst)> {
        let Self { blocks, sizes_bytes, random } = self;
        let (blocks, sizes_bytes) = (blocks.as_mut_slice(), sizes_bytes.as_mut_slice());
        let mut costs = Costs::new()?;
        let (mut grown, mut churned) = (None, None);
        let mut has_all = true;
        // SAFETY: from kmalloc, each once, and nobody uses them; null is ignored.
        let free = |block: &mut *mut u8| unsafe { kfree(core::mem::replace(block, null_mut())) };
        at_depth(&mut || {
            for (block, size) in blocks.iter_mut().zip(sizes_bytes.iter()) {
                costs.count(|| *block = kmalloc(usize::from(*size)));
                has_all &= !block.is_null();
            }
            grown = costs.take_worst();
            random.shuffle(blocks);
            let (kept, surplus) = blocks.split_at_mut(blocks.len() - blocks.len() / 10);
            surplus.iter_mut().for_each(free);
            for _ in 0..churn {
                let Some(block) = kept.get_mut(random.below(kept.len())) else { return };
                let new_bytes = usize::from(size_bytes(random));
                costs.count(|| free(block));
                costs.count(|| *block = kmalloc(new_bytes));
                has_all &= !block.is_null();
            }
            churned = costs.take_worst();
        });
        self.free_all();
        grown.zip(churned).filter(|_| has_all)
    }

    /// Allocates blocks of 16 bytes, and returns the maximum of the arena's bytes per block, in hundredths: from 10,000
    /// live blocks on, and from 100,000 on.
    pub(crate) fn measure_arena(&mut self) -> Option<(u64, Option<u64>)> {
        let (mut max, mut max_of_many) = (0, None);
        let mut has_all = true;
        for (number, block) in self.blocks.as_mut_slice().iter_mut().enumerate() {
            *block = kmalloc(16);
            has_all &= !block.is_null();
            if !has_all {
                break;
            }
            let live = number + 1;
            if live >= ARENA_MIN_BLOCKS && live.is_multiple_of(ARENA_STEP) {
                let per_block = (tracker().statistics().arena().held_bytes * 100 / live) as u64;
                max = max.max(per_block);
                if live >= 10 * ARENA_MIN_BLOCKS {
                    max_of_many = max_of_many.max(Some(per_block));
                }
            }
        }
        self.free_all();
        has_all.then_some((max, max_of_many))
    }

    fn free_all(&mut self) {
        for block in self.blocks.as_mut_slice() {
            // SAFETY: from kmalloc, each once, and nobody uses them; null is ignored.
            unsafe { kfree(core::mem::replace(block, null_mut())) };
        }
    }
}

/// Takes `count` pages straight from the frames, and gives them back in random order; `None` when memory runs out.
pub(crate) fn measure_frames(count: usize) -> Option<Cost> {
    let mut pages = Scratch::new(count.max(1), || None)?;
    let pages = pages.as_mut_slice();
    let (mut takes, mut gives) = (0, 0);
    at_depth(&mut || {
        takes = counts_of(|| pages.iter_mut().for_each(|page| *page = take_pages(0, Purpose::Buffers)));
        Random::new(SEED).shuffle(pages);
        // SAFETY: taken for that purpose, each once, and nobody uses them.
        let give = |page: NonNull<u8>| unsafe { give_pages(page, 0) };
        gives = counts_of(|| pages.iter().for_each(|page| page.iter().copied().for_each(give)));
    });
    let hundredths = |counts: u64| counts * 100 / pages.len() as u64;
    let has_all = pages.iter().all(Option::is_some);
    has_all.then(|| Cost { allocation: hundredths(takes), free: hundredths(gives) })
}

/// How many operations had which cost.
struct Costs {
    operations: Scratch<u32>,
    empty: u64,
}

impl Costs {
    fn new() -> Option<Self> {
        Some(Self { operations: Scratch::new(MAX_COUNTS + 1, || 0)?, empty: counts_of(|| {}) })
    }

    fn count(&mut self, operation: impl FnOnce()) {
        let counts = counts_of(operation).saturating_sub(self.empty) as usize;
        self.operations.as_mut_slice()[counts.min(MAX_COUNTS)] += 1;
    }

    /// The most expensive operations since the last call.
    fn take_worst(&mut self) -> Option<Worst> {
        let operations = self.operations.as_mut_slice();
        let all: u64 = operations.iter().map(|count| u64::from(*count)).sum();
        let max = operations.iter().rposition(|count| *count != 0)?;
        let mut more_expensive = 0;
        let percentile_99_99 = operations.iter().rposition(|count| {
            more_expensive += u64::from(*count);
            more_expensive > all / 10_000
        })?;
        operations.fill(0);
        Some(Worst { max, percentile_99_99 })
    }
}

/// A size from 16 to 4095 bytes, evenly on a logarithmic scale: one of eight octaves, and a position in it. Between 1 and
/// 2 the power of two is a parabola to within a third of a percent.
fn size_bytes(random: &mut Random) -> u16 {
    let (octave, place) = (random.below(8), random.below(256));
    let factor = 65_536 + place * 168 + place * place * 88 / 256;
    ((16 << octave) * factor / 65_536) as u16
}

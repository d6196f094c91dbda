//! Heap checks: red zones, poison, quarantine and sampled blocks; how much of them there is, and what they found.
//!
//! A block's record says how the block is guarded, so a switch of the level causes no false report. The parts:
//! `red_zones` (red zones around a block, poison in it), `quarantine` (the history of frees, and the quarantine), `pool`
//! (sampled blocks between guard pages).

use core::alloc::Layout;

use crate::bad_free::BadFreeKind;
use crate::corruption::{Corruption, CorruptionKind};
use crate::guard_level::GuardLevel;
use crate::record::Guarding;

pub(crate) mod pool;
pub(crate) mod quarantine;
pub(crate) mod red_zones;

use pool::Pool;
use quarantine::FreedBlocks;

/// What the guards did and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardStatistics {
    /// Checks of a live block's red zones, or of a freed block's poison and red zones.
    pub checks: u64,
    /// Writes past a block's end, found in its red zone.
    pub overruns: u64,
    /// Writes before a block's start, found in its red zone.
    pub underruns: u64,
    /// Writes to a freed block, found in its poison or its red zones.
    pub writes_after_free: u64,
    /// Frees of a block that was free already.
    pub double_frees: u64,
    /// Frees of an address inside a block, or in its red zones.
    pub interior_frees: u64,
    /// Frees with a layout that is not the block's.
    pub wrong_layouts: u64,
    /// Frees of an address that no block is known to have had.
    pub unknown_frees: u64,
    /// Live blocks with a red zone.
    pub guarded_blocks: u64,
    /// Frees in the history of frees.
    pub remembered_frees: u64,
    /// Freed blocks in quarantine.
    pub quarantined_blocks: u64,
    /// Bytes that the blocks in quarantine take from memory.
    pub quarantined_bytes: u64,
    /// Live blocks that are sampled.
    pub sampled_blocks: u64,
    /// Slots for sampled blocks, used or not; 0 while there is no pool.
    pub sample_slots: u64,
    /// Blocks that were ever sampled.
    pub samples: u64,
    /// Allocations that were due to be sampled and were not: no slot was free, memory was short, or the block does not
    /// fit in a page.
    pub missed_samples: u64,
    /// Reads and writes before or past a sampled block that faulted.
    pub out_of_bounds_accesses: u64,
    /// Reads and writes to a freed sampled block that faulted.
    pub accesses_after_free: u64,
}

impl GuardStatistics {
    /// Invalid reads and writes that were detected, of all kinds.
    #[must_use]
    pub fn corruptions(&self) -> u64 {
        self.overruns
            + self.underruns
            + self.writes_after_free
            + self.out_of_bounds_accesses
            + self.accesses_after_free
    }
}

/// Corruption that was found and is not reported yet. When it is full, checks wait until some of it is reported.
#[derive(Debug)]
pub(crate) struct Findings {
    list: [Corruption; Self::MAX],
    count: usize,
}

impl Findings {
    const MAX: usize = 8;

    const fn new() -> Self {
        Self { list: [Corruption::EMPTY; Self::MAX], count: 0 }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there is room for the findings of one block: an overrun and an underrun.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.count + 2 <= Self::MAX
    }

    pub(crate) fn pop(&mut self) -> Option<Corruption> {
        self.count = self.count.checked_sub(1)?;
        self.list.get(self.count).copied()
    }
}

/// A request to the backend: the caller's layout, enlarged by the guards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) guarding: Guarding,
    pub(crate) layout: Layout,
    /// Bytes before the caller's block.
    pub(crate) front_bytes: usize,
}

impl Wanted {
    /// A block without guards.
    #[inline]
    pub(crate) fn plain(layout: Layout) -> Self {
        Self { guarding: Guarding::None, layout, front_bytes: 0 }
    }
}

/// The guards' own state.
#[derive(Debug)]
pub(crate) struct Guards {
    pub(crate) level: GuardLevel,
    pub(crate) freed: FreedBlocks,
    pub(crate) findings: Findings,
    /// Without the figures of the history of frees, the quarantine and the pool, which [`Guards::statistics`] adds.
    pub(crate) statistics: GuardStatistics,
    pub(crate) pool: Pool,
}

impl Guards {
    pub(crate) const fn new() -> Self {
        Self {
            level: GuardLevel::Off,
            freed: FreedBlocks::new(),
            findings: Findings::new(),
            statistics: GuardStatistics {
                checks: 0,
                overruns: 0,
                underruns: 0,
                writes_after_free: 0,
                double_frees: 0,
                interior_frees: 0,
                wrong_layouts: 0,
                unknown_frees: 0,
                guarded_blocks: 0,
                remembered_frees: 0,
                quarantined_blocks: 0,
                quarantined_bytes: 0,
                sampled_blocks: 0,
                sample_slots: 0,
                samples: 0,
                missed_samples: 0,
                out_of_bounds_accesses: 0,
                accesses_after_free: 0,
            },
            pool: Pool::new(),
        }
    }

    /// The request to the backend for a block with the level's guards.
    #[inline(never)]
    pub(crate) fn wanted(&self, layout: Layout) -> Wanted {
        let guarding = match self.level {
            GuardLevel::Off | GuardLevel::Free => Guarding::None,
            GuardLevel::RedZone => Guarding::RearRedZone,
            GuardLevel::Full => Guarding::BothRedZones,
        };
        let guarding = red_zones::possible(guarding, layout.align());
        let front_bytes = red_zones::front_bytes(guarding, layout.align());
        match red_zones::backend_layout(guarding, layout) {
            Some(layout) => Wanted { guarding, layout, front_bytes },
            None => Wanted::plain(layout),
        }
    }

    /// Whether a block of this size is poisoned, and put in quarantine when it is freed.
    #[inline]
    pub(crate) fn is_poisoned(&self, size_bytes: usize) -> bool {
        self.level == GuardLevel::Full && size_bytes <= red_zones::MAX_POISON_BYTES
    }

    /// Counts a corruption, and keeps it until it is reported.
    #[cold]
    #[inline(never)]
    pub(crate) fn find(&mut self, corruption: Corruption) {
        match corruption.kind {
            CorruptionKind::Overrun => self.statistics.overruns += 1,
            CorruptionKind::Underrun => self.statistics.underruns += 1,
            CorruptionKind::WriteAfterFree => self.statistics.writes_after_free += 1,
        }
        if let Some(slot) = self.findings.list.get_mut(self.findings.count) {
            *slot = corruption;
            self.findings.count += 1;
        }
    }

    pub(crate) fn count_bad_free(&mut self, kind: BadFreeKind) {
        let count = match kind {
            BadFreeKind::DoubleFree => &mut self.statistics.double_frees,
            BadFreeKind::Interior { .. } | BadFreeKind::InsideFreed { .. } => {
                &mut self.statistics.interior_frees
            }
            BadFreeKind::WrongLayout { .. } => &mut self.statistics.wrong_layouts,
            BadFreeKind::NeverAllocated => &mut self.statistics.unknown_frees,
        };
        *count += 1;
    }

    pub(crate) fn statistics(&self) -> GuardStatistics {
        GuardStatistics {
            remembered_frees: self.freed.remembered() as u64,
            quarantined_blocks: self.freed.quarantined_blocks() as u64,
            quarantined_bytes: self.freed.quarantined_bytes() as u64,
            sampled_blocks: self.pool.live() as u64,
            sample_slots: self.pool.slots() as u64,
            ..self.statistics
        }
    }
}

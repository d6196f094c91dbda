//! The counters: lifetime totals, and live values.

use core::ops::Add;

use crate::backend::Live;

mod kept;

pub(crate) use kept::{Kept, Totals};

/// Number of size classes of the histogram: 0 bytes, 1, 2 to 3, 4 to 7, and so on.
pub const SIZE_CLASSES: usize = 64;

/// The counters of a tracker. They change together, under the tracker's lock.
///
/// Totals count what happened while the level was `counters` or more; live values are exact at every level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Allocations that succeeded.
    pub allocations: u64,
    /// Frees of live blocks.
    pub frees: u64,
    /// Reallocations that succeeded. One that moved its block also counts as an allocation and a free.
    pub reallocations: u64,
    /// Allocations and reallocations that failed.
    pub failures: u64,
    /// Frees and reallocations that were refused. None of them reached the backend.
    pub bad_frees: u64,
    /// Allocations that could not be recorded because the arena could not grow.
    pub untracked: u64,
    /// Bytes requested by all counted allocations.
    pub requested_bytes: u64,
    /// Blocks that are live now, unrecorded ones included.
    pub live_blocks: u64,
    /// Bytes of the live blocks that are recorded, as requested.
    pub live_bytes: u64,
    /// Bytes that all live blocks take from memory, red zones and rounding included.
    pub taken_bytes: u64,
    /// Live blocks that are not recorded.
    pub live_untracked: u64,
    /// Allocations that were not counted, minus frees that were not: `live_blocks` is `allocations` minus `frees` plus
    /// this.
    pub uncounted_blocks: i64,
    /// The maximum of `live_blocks` while they were counted.
    pub peak_live_blocks: u64,
    /// The maximum of `live_bytes`.
    pub peak_live_bytes: u64,
}

impl Counters {
    /// Counters at zero.
    pub const ZERO: Self = Self {
        allocations: 0,
        frees: 0,
        reallocations: 0,
        failures: 0,
        bad_frees: 0,
        untracked: 0,
        requested_bytes: 0,
        live_blocks: 0,
        live_bytes: 0,
        taken_bytes: 0,
        live_untracked: 0,
        uncounted_blocks: 0,
        peak_live_blocks: 0,
        peak_live_bytes: 0,
    };

    /// Live blocks that are in the live map.
    pub fn recorded_blocks(&self) -> u64 {
        self.live_blocks - self.live_untracked
    }
}

/// What was counted on one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuCounters {
    /// Allocations that succeeded.
    pub allocations: u64,
    /// Frees of live blocks.
    pub frees: u64,
    /// Reallocations that succeeded.
    pub reallocations: u64,
    /// Allocations and reallocations that failed.
    pub failures: u64,
    /// Frees and reallocations that were refused.
    pub bad_frees: u64,
    /// Allocations that could not be recorded because the arena could not grow.
    pub untracked: u64,
    /// Bytes requested by all counted allocations.
    pub requested_bytes: u64,
}

impl Add for CpuCounters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            allocations: self.allocations + other.allocations,
            frees: self.frees + other.frees,
            reallocations: self.reallocations + other.reallocations,
            failures: self.failures + other.failures,
            bad_frees: self.bad_frees + other.bad_frees,
            untracked: self.untracked + other.untracked,
            requested_bytes: self.requested_bytes + other.requested_bytes,
        }
    }
}

/// Number of CPUs that are counted separately. A CPU with a higher number shares an entry: its number modulo this.
pub const MAX_CPUS: usize = 16;

/// What a tracker counts on one CPU, in cache lines that no other CPU writes. The number of allocations is the sum of the
/// histogram.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct CpuTallies {
    requested_bytes: u64,
    frees: u64,
    pub(crate) reallocations: u64,
    pub(crate) failures: u64,
    pub(crate) bad_frees: u64,
    pub(crate) untracked: u64,
    histogram: Histogram,
}

impl CpuTallies {
    pub(crate) const ZERO: Self = Self {
        requested_bytes: 0,
        frees: 0,
        reallocations: 0,
        failures: 0,
        bad_frees: 0,
        untracked: 0,
        histogram: Histogram::EMPTY,
    };

    #[inline]
    pub(crate) fn count_allocation(&mut self, requested_bytes: usize) {
        self.requested_bytes += requested_bytes as u64;
        self.histogram.add(requested_bytes);
    }

    #[inline]
    pub(crate) fn count_free(&mut self) {
        self.frees += 1;
    }

    /// Takes what another has counted.
    fn hand_in(&mut self, later: &mut Self) {
        self.requested_bytes += later.requested_bytes;
        self.frees += later.frees;
        self.reallocations += later.reallocations;
        self.failures += later.failures;
        self.bad_frees += later.bad_frees;
        self.untracked += later.untracked;
        self.histogram = self.histogram.plus(&later.histogram);
        *later = Self::ZERO;
    }

    #[inline(never)]
    fn counters(&self) -> CpuCounters {
        CpuCounters {
            allocations: self.histogram.total(),
            frees: self.frees,
            reallocations: self.reallocations,
            failures: self.failures,
            bad_frees: self.bad_frees,
            untracked: self.untracked,
            requested_bytes: self.requested_bytes,
        }
    }
}

/// The tracker's own form of the counters: totals by CPU, and live values. The live values are not kept by CPU, as their
/// peaks must be exact.
#[derive(Debug)]
pub(crate) struct Tallies {
    live_blocks: u64,
    peak_live_blocks: u64,
    taken_bytes: u64,
    live_bytes: u64,
    peak_live_bytes: u64,
    cpus: [CpuTallies; MAX_CPUS],
}

impl Tallies {
    pub(crate) const ZERO: Self = Self {
        live_blocks: 0,
        peak_live_blocks: 0,
        taken_bytes: 0,
        live_bytes: 0,
        peak_live_bytes: 0,
        cpus: [const { CpuTallies::ZERO }; MAX_CPUS],
    };

    /// What is counted on a CPU.
    #[inline]
    pub(crate) fn cpu_mut(&mut self, cpu: u8) -> &mut CpuTallies {
        &mut self.cpus[usize::from(cpu) % MAX_CPUS]
    }

    #[inline]
    pub(crate) fn count_allocation(&mut self, cpu: u8, requested_bytes: usize, taken_bytes: usize) {
        self.cpu_mut(cpu).count_allocation(requested_bytes);
        self.taken_bytes += taken_bytes as u64;
        self.live_blocks += 1;
        if self.live_blocks > self.peak_live_blocks {
            self.peak_live_blocks = self.live_blocks;
        }
    }

    #[inline]
    pub(crate) fn count_free(&mut self, cpu: u8, taken_bytes: usize) {
        self.cpu_mut(cpu).count_free();
        // Wrapping: with a backend that cannot check frees these may be wrong, and nothing may panic under the lock.
        self.live_blocks = self.live_blocks.wrapping_sub(1);
        self.taken_bytes = self.taken_bytes.wrapping_sub(taken_bytes as u64);
    }

    /// Counts a live block, and nothing else.
    #[inline]
    pub(crate) fn add_uncounted(&mut self, taken_bytes: usize) {
        self.live_blocks += 1;
        self.taken_bytes += taken_bytes as u64;
    }

    /// Counts a live block as gone, and nothing else.
    #[inline]
    pub(crate) fn subtract_uncounted(&mut self, taken_bytes: usize) {
        // As for `count_free`.
        self.live_blocks = self.live_blocks.wrapping_sub(1);
        self.taken_bytes = self.taken_bytes.wrapping_sub(taken_bytes as u64);
    }

    /// A live block takes more or less memory than before.
    #[inline]
    pub(crate) fn change_taken_bytes(&mut self, before: usize, after: usize) {
        self.taken_bytes = self.taken_bytes.wrapping_add(after as u64).wrapping_sub(before as u64);
    }

    #[inline]
    pub(crate) fn add_recorded_bytes(&mut self, requested_bytes: usize) {
        self.live_bytes += requested_bytes as u64;
        if self.live_bytes > self.peak_live_bytes {
            self.peak_live_bytes = self.live_bytes;
        }
    }

    #[inline]
    pub(crate) fn subtract_recorded_bytes(&mut self, requested_bytes: usize) {
        self.live_bytes -= requested_bytes as u64;
    }

    /// Blocks that are live now.
    pub(crate) fn live_blocks(&self) -> u64 {
        self.live_blocks
    }

    /// Sets the live values from the backend, while neither allocations nor frees are counted.
    pub(crate) fn set_live(&mut self, live: Live) {
        self.live_blocks = live.blocks;
        self.taken_bytes = live.bytes;
    }

    /// Raises the peak of blocks to what is live now, if it is lower.
    pub(crate) fn raise_peak(&mut self) {
        self.peak_live_blocks = self.peak_live_blocks.max(self.live_blocks);
    }

    pub(crate) fn reset_peaks(&mut self) {
        self.peak_live_blocks = self.live_blocks;
        self.peak_live_bytes = self.live_bytes;
    }

    /// Takes what a lane has counted.
    pub(crate) fn hand_in(&mut self, lane: u8, later: &mut CpuTallies) {
        self.cpu_mut(lane).hand_in(later);
    }

    /// What is live, for lanes to go on with.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            live_blocks: self.live_blocks as i64,
            peak_live_blocks: self.peak_live_blocks as i64,
            taken_bytes: self.taken_bytes as i64,
            live_bytes: self.live_bytes as i64,
            peak_live_bytes: self.peak_live_bytes as i64,
        }
    }

    /// Goes on with what lanes say is live.
    pub(crate) fn set_totals(&mut self, totals: &Totals) {
        self.live_blocks = totals.live_blocks as u64;
        self.peak_live_blocks = totals.peak_live_blocks as u64;
        self.taken_bytes = totals.taken_bytes as u64;
        self.live_bytes = totals.live_bytes as u64;
        self.peak_live_bytes = totals.peak_live_bytes as u64;
    }

    /// Allocations by size, on all CPUs.
    pub(crate) fn histogram(&self) -> Histogram {
        self.cpus.iter().fold(Histogram::EMPTY, |sum, cpu| sum.plus(&cpu.histogram))
    }

    /// What was counted on a CPU; all zero from [`MAX_CPUS`] on.
    pub(crate) fn of_cpu(&self, cpu: u8) -> CpuCounters {
        self.cpus.get(usize::from(cpu)).map(CpuTallies::counters).unwrap_or_default()
    }

    /// The counters; `recorded` of the live blocks are in the live map.
    pub(crate) fn counters(&self, recorded: u64) -> Counters {
        let sum = self.cpus.iter().map(CpuTallies::counters).fold(CpuCounters::default(), Add::add);
        Counters {
            allocations: sum.allocations,
            frees: sum.frees,
            reallocations: sum.reallocations,
            failures: sum.failures,
            bad_frees: sum.bad_frees,
            untracked: sum.untracked,
            requested_bytes: sum.requested_bytes,
            live_blocks: self.live_blocks,
            live_bytes: self.live_bytes,
            taken_bytes: self.taken_bytes,
            live_untracked: self.live_blocks - recorded,
            uncounted_blocks: (self.live_blocks + sum.frees).wrapping_sub(sum.allocations) as i64,
            peak_live_blocks: self.peak_live_blocks,
            peak_live_bytes: self.peak_live_bytes,
        }
    }
}

/// Allocations by size, in classes of powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; SIZE_CLASSES],
}

impl Histogram {
    /// Nothing counted.
    pub const EMPTY: Self = Self { counts: [0; SIZE_CLASSES] };

    #[inline]
    pub(crate) fn add(&mut self, size_bytes: usize) {
        // The class is the number of significant bits of the size. The size of a layout is at most `isize::MAX`, so the
        // shift loses no bit.
        let class = (size_bytes << 1 | 1).ilog2() as usize;
        self.counts[class % SIZE_CLASSES] += 1;
    }

    /// The sum of two histograms.
    fn plus(mut self, other: &Self) -> Self {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
        self
    }

    /// The sum over all classes.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each class that has a count: the smallest size in it, in bytes, and the count.
    pub fn classes(&self) -> impl Iterator<Item = (usize, u64)> {
        let counted = self.counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        counted.map(|(class, count)| (if class == 0 { 0 } else { 1 << (class - 1) }, count))
    }
}

/// Since when each kind of figure is recorded: the platform's stamp when it was last switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// The totals of [`Counters`].
    pub counters: u64,
    /// The live map.
    pub blocks: u64,
    /// The call stacks.
    pub stacks: u64,
    /// The history.
    pub history: u64,
}

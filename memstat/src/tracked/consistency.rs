//! A check on request that all figures agree: figures that can be computed in two ways must be equal.

use core::fmt;
use core::ops::Add;

use super::Tracked;
use crate::backend::Backend;
use crate::counters::{Counters, CpuCounters, MAX_CPUS};
use crate::platform::Platform;

/// The result of a check of the figures against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// They agree.
    Holds,
    /// They do not agree: this is what is wrong.
    Broken(&'static str),
    /// The heap was used during the check, so there is no result.
    Busy,
}

impl fmt::Display for Consistency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => write!(out, "yes"),
            Self::Broken(what) => write!(out, "no, {what}"),
            Self::Busy => write!(out, "unknown, the heap was used during the check"),
        }
    }
}

/// Blocks, and their sizes as requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    blocks: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, blocks: u64, bytes: u64) {
        self.blocks += blocks;
        self.bytes += bytes;
    }
}

/// The same figures, added up independently of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    /// Over the live map.
    records: Sum,
    /// Bytes that the blocks of the live map take from memory.
    taken_bytes: u64,
    /// Over the call stacks, and the records that have none.
    stacks: Sum,
    /// Over the CPUs.
    cpus: CpuCounters,
    /// Allocations over the classes of sizes.
    sizes: u64,
    /// The live map's own count of its entries.
    map_entries: u64,
}

impl Sums {
    fn judge(&self, counters: &Counters) -> Consistency {
        let counted = counters.allocations as i64 - counters.frees as i64 + counters.uncounted_blocks;
        let recorded = Sum { blocks: counters.recorded_blocks(), bytes: counters.live_bytes };
        let totals = CpuCounters {
            allocations: counters.allocations,
            frees: counters.frees,
            reallocations: counters.reallocations,
            failures: counters.failures,
            bad_frees: counters.bad_frees,
            untracked: counters.untracked,
            requested_bytes: counters.requested_bytes,
        };
        let checks = [
            (counters.live_blocks as i64 == counted, "live blocks are not allocations minus frees"),
            (
                self.map_entries == recorded.blocks,
                "the number of entries in the live map is not the number of recorded blocks",
            ),
            (self.records == recorded, "the sums over the live map are not the totals"),
            (
                counters.live_untracked > 0 || self.taken_bytes == counters.taken_bytes,
                "the sum of the bytes that recorded blocks take is not the total",
            ),
            (self.stacks == recorded, "the sums over call stacks are not the totals"),
            (self.cpus == totals, "the sums over CPUs are not the totals"),
            (self.sizes == counters.allocations, "the sums over sizes are not the totals"),
        ];
        let broken = checks.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Consistency::Holds, |(_, what)| Consistency::Broken(what))
    }
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Checks the figures against each other. It reads all records and stacks, in steps that each hold the lock for a
    /// short time.
    pub fn check_consistency(&self) -> Consistency {
        let state = || (self.counters(), self.leaks().sequence(), self.history().written());
        let before = state();
        let sums = self.sums();
        if state() != before {
            return Consistency::Busy;
        }
        sums.judge(&before.0)
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums { map_entries: self.blocks().count() as u64, ..Sums::default() };
        self.blocks().for_each_taken(|record, taken_bytes| {
            let size_bytes = record.size_bytes() as u64;
            sums.records.add(1, size_bytes);
            sums.taken_bytes += taken_bytes;
            if record.stack() == 0 {
                sums.stacks.add(1, size_bytes);
            }
        });
        let stacks = self.stacks();
        for stack in (1..=stacks.count()).filter_map(|number| stacks.get(number)) {
            sums.stacks.add(stack.live_blocks.into(), stack.live_bytes);
        }
        sums.cpus = (0..MAX_CPUS as u8)
            .map(|cpu| self.statistics().of_cpu(cpu))
            .fold(CpuCounters::default(), Add::add);
        sums.sizes = self.statistics().histogram().total();
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three allocations, one free; two blocks of 30 bytes are live.
    fn agreeing() -> (Sums, Counters) {
        let sum = Sum { blocks: 2, bytes: 30 };
        let cpus = CpuCounters { allocations: 3, frees: 1, requested_bytes: 40, ..CpuCounters::default() };
        let counters = Counters {
            allocations: 3,
            frees: 1,
            requested_bytes: 40,
            live_blocks: 2,
            live_bytes: 30,
            taken_bytes: 48,
            ..Counters::ZERO
        };
        (Sums { records: sum, taken_bytes: 48, stacks: sum, cpus, sizes: 3, map_entries: 2 }, counters)
    }

    #[test]
    fn figures_that_agree_hold() {
        let (sums, counters) = agreeing();
        assert_eq!(sums.judge(&counters), Consistency::Holds);
    }

    #[test]
    fn each_figure_that_differs_is_named() {
        let (good, counters) = agreeing();
        let broken = |change: fn(&mut Sums, &mut Counters), name: &str| {
            let (mut sums, mut counters) = (good, counters);
            change(&mut sums, &mut counters);
            let Consistency::Broken(what) = sums.judge(&counters) else { panic!("{name} went unseen") };
            assert!(what.contains(name), "{what}");
        };
        broken(|_, counters| counters.uncounted_blocks = 1, "allocations minus frees");
        broken(|sums, _| sums.map_entries = 3, "entries");
        broken(|sums, _| sums.records.bytes = 29, "over the live map");
        broken(|sums, _| sums.taken_bytes = 32, "take");
        broken(|sums, _| sums.stacks.blocks = 1, "call stacks");
        broken(|sums, _| sums.cpus.frees = 2, "CPUs");
        broken(|sums, _| sums.sizes = 2, "sizes");
    }
}

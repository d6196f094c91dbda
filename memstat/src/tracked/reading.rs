//! What can be asked of a tracker. Each answer is of one moment, taken under the lock; none allocates.

use super::Tracked;
use crate::arena::ArenaStatistics;
use crate::backend::Backend;
use crate::counters::{Counters, CpuCounters, Histogram, Since};
use crate::history::{Event, HistoryPart};
use crate::level::Level;
use crate::moment::{Held, Moment};
use crate::platform::Platform;
use crate::record::Record;
use crate::report::{Rank, TopStacks};
use crate::stacks::Stack;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// How much is recorded.
    pub fn level(&self) -> Level {
        self.enter().level
    }

    /// Since when each kind of figure counts.
    pub fn since(&self) -> Since {
        self.enter().since
    }

    /// Copies events into `buffer`, from the event number `cursor` on (0 is the first ever).
    pub fn read_history(&self, cursor: u64, buffer: &mut [Event]) -> HistoryPart {
        self.enter().history.read(cursor, buffer)
    }

    /// Whether events are written now: at level [`Level::Full`], unless that was switched off.
    pub fn keeps_history(&self) -> bool {
        self.enter().keeps_history()
    }

    /// Events that were ever written: the number of the next one.
    pub fn history_end(&self) -> u64 {
        self.enter().history.written()
    }

    /// The call stack of a number, with what is live under it.
    pub fn stack(&self, number: u16) -> Option<Stack> {
        self.enter().depot.get(number).copied()
    }

    /// How many call stacks are known; their numbers start at 1.
    pub fn stack_count(&self) -> u16 {
        self.enter().depot.len() as u16
    }

    /// The call stacks that rank highest. The lock is held for one of them at a time.
    pub fn top_stacks<const N: usize>(&self, rank: Rank) -> TopStacks<N> {
        let mut top = TopStacks::new(rank);
        for number in 1..=self.stack_count() {
            if let Some(stack) = self.stack(number) {
                top.add(number, &stack);
            }
        }
        top
    }

    /// Allocations by size.
    pub fn histogram(&self) -> Histogram {
        self.enter().tallies.histogram()
    }

    /// A number that all blocks allocated from now on exceed: those live with a higher one came since.
    pub fn mark(&self) -> u64 {
        self.enter().sequence
    }

    /// This moment, and what each call stack holds, by its number, in `held`; the first there stands for blocks without
    /// a stack. `None` if there is no room for one more than the [number of stacks](Self::stack_count). The lock is held
    /// for all of it, some instructions for each stack.
    pub fn take_stock(&self, held: &mut [Held]) -> Option<Moment> {
        let mut inner = self.enter();
        let (without_stack, held) = held.split_first_mut()?;
        let moment = inner.moment(self.platform().stamp());
        let held = held.get_mut(..usize::from(moment.stack_count))?;
        *without_stack = moment.recorded;
        for (number, place) in (1..).zip(held) {
            *place = inner.depot.get(number).map(Held::from).unwrap_or_default();
            without_stack.blocks = without_stack.blocks.saturating_sub(place.blocks);
            without_stack.bytes = without_stack.bytes.saturating_sub(place.bytes);
        }
        Some(moment)
    }

    /// This moment, without what the call stacks hold.
    pub fn moment(&self) -> Moment {
        self.enter().moment(self.platform().stamp())
    }

    /// The counters of one moment.
    pub fn counters(&self) -> Counters {
        self.enter().counters()
    }

    /// What was counted on one CPU; the totals in [`Tracked::counters`] are the sums over all. Numbers from
    /// [`MOST_CPUS`](crate::counters::MOST_CPUS) on have nothing.
    pub fn cpu_counters(&self, cpu: u8) -> CpuCounters {
        self.enter().tallies.of_cpu(cpu)
    }

    /// What the arena holds.
    pub fn arena_statistics(&self) -> ArenaStatistics {
        self.enter().arena.statistics()
    }

    /// Entries in the live map; equal to the counters' recorded blocks at every moment.
    pub fn record_count(&self) -> usize {
        self.enter().live.len()
    }

    /// The record of the live block at `address`.
    pub fn record(&self, address: usize) -> Option<Record> {
        self.enter().live.get(address).copied()
    }

    /// Copies records into `buffer`, from the place `cursor` on (0 is the first), and says how many and
    /// where to go on; `None` at the end. A block that is live from the first step to the last appears
    /// exactly once. The work of one step is bounded.
    pub fn read_records(&self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        self.enter().live.read(cursor, buffer)
    }

    /// Reads something off the backend, under the lock: `look` must neither allocate nor log.
    pub fn with_backend<R>(&self, look: impl FnOnce(&B) -> R) -> Option<R> {
        self.enter().backend.as_ref().map(look)
    }
}

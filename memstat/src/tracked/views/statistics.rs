//! Figures other than the counters: by CPU, by size, since when they count, and the tracker's own memory.

use super::Tracked;
use crate::arena::ArenaStatistics;
use crate::backend::Backend;
use crate::counters::{CpuCounters, Histogram, Since};
use crate::platform::Platform;
use crate::refused::LockRefusals;

/// Figures of a tracker. From [`Tracked::statistics`].
#[derive(Debug)]
pub struct StatisticsView<'a, B: Backend, P>(pub(super) &'a Tracked<B, P>);

impl<B: Backend, P: Platform> StatisticsView<'_, B, P> {
    /// What was counted on one CPU; the totals in [`Tracked::counters`] are the sums over all. All zero for numbers from
    /// [`MAX_CPUS`](crate::MAX_CPUS) on.
    pub fn of_cpu(&self, cpu: u8) -> CpuCounters {
        self.0.enter().tallies.of_cpu(cpu)
    }

    /// Counted allocations by size.
    pub fn histogram(&self) -> Histogram {
        self.0.enter().tallies.histogram()
    }

    /// Since when each kind of figure counts.
    pub fn since(&self) -> Since {
        self.0.enter().since
    }

    /// The size of the arena, the tracker's own memory.
    pub fn arena(&self) -> ArenaStatistics {
        self.0.enter().arena.statistics()
    }

    /// Operations that were refused, as waiting for the lock would never have ended; see
    /// [`Hooks::is_lock_held_here`](crate::Hooks::is_lock_held_here).
    pub fn lock_refusals(&self) -> LockRefusals {
        self.0.refused.counts()
    }

    /// Resets the peaks to what is live now.
    pub fn reset_peaks(&self) {
        let mut inner = self.0.enter();
        inner.synchronise();
        inner.tallies.reset_peaks();
    }
}

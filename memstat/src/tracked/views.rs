//! Views of a tracker: queries and settings, grouped by topic. A view is a reference to the tracker with a type of its
//! own, so that the documentation of [`Tracked`] stays short; it costs nothing.
//!
//! Each answer is consistent in itself, taken under the tracker's lock; none allocates.

mod blocks;
mod guards;
mod history;
mod leaks;
mod references;
mod stacks;
mod statistics;
mod taken;

pub use blocks::{BlocksView, Busy};
pub use guards::{GuardCheck, GuardsView};
pub use history::HistoryView;
pub use leaks::LeaksView;
pub use references::{Reference, ReferencesView};
pub use stacks::StacksView;
pub use statistics::StatisticsView;

use super::Tracked;
use crate::backend::Backend;
use crate::platform::Platform;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// The records of live blocks.
    pub fn blocks(&self) -> BlocksView<'_, B, P> {
        BlocksView(self)
    }

    /// Call stacks, and what is live under each.
    pub fn stacks(&self) -> StacksView<'_, B, P> {
        StacksView(self)
    }

    /// The last events.
    pub fn history(&self) -> HistoryView<'_, B, P> {
        HistoryView(self)
    }

    /// Leaks: snapshots to compare, and the search for blocks that nothing points to.
    pub fn leaks(&self) -> LeaksView<'_, B, P> {
        LeaksView(self)
    }

    /// References between live blocks: who holds an address, why a block is reachable.
    pub fn references(&self) -> ReferencesView<'_, B, P> {
        ReferencesView(self)
    }

    /// Heap checks: red zones, quarantine, and sampled blocks between guard pages.
    pub fn guards(&self) -> GuardsView<'_, B, P> {
        GuardsView(self)
    }

    /// Figures other than the [counters](Tracked::counters): by CPU, by size, of the arena.
    pub fn statistics(&self) -> StatisticsView<'_, B, P> {
        StatisticsView(self)
    }
}

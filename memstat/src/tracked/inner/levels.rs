//! What is done at which level: switches, and the ways that follow from them.

use super::Inner;
use crate::backend::Backend;
use crate::guard::GuardLevel;
use crate::level::Level;

/// What there is to do for a guarded block, at level `blocks` over a backend with quick ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum GuardedWay {
    /// No quick way.
    Fully,
    /// A zone behind the block.
    RedZone,
    /// Zones on both sides, patterns inside, and the block is held back.
    Full,
    /// Some blocks go to the pool; of the others the same as without it. Only for allocations.
    BetweenSamples,
}

/// What there is to do beside the backend's work. All but the last stand for a backend with quick ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in super::super) enum Way {
    /// Nothing.
    Pass,
    /// To count.
    Count,
    /// To count and to record.
    Record,
    /// The same, with the call stack.
    RecordStack,
    /// The same, with an event for the history.
    RecordEvent,
    /// No quick way: there is no backend or it has none, or records of another level are left.
    Fully,
}

impl<B: Backend> Inner<B> {
    pub(in super::super) fn set_level(&mut self, level: Level, stamp: u64) {
        if self.backend.is_none() {
            self.level_at_start = level;
            return;
        }
        self.synchronise();
        if self.level == Level::Off {
            self.tallies.raise_peak();
        }
        let is_switched_on = |part: Level| self.level < part && level >= part;
        let since = &mut self.since;
        for (part, stands) in [
            (Level::Counters, &mut since.counters),
            (Level::Blocks, &mut since.blocks),
            (Level::Stacks, &mut since.stacks),
            (Level::Full, &mut since.history),
        ] {
            if is_switched_on(part) {
                *stands = stamp;
            }
        }
        self.level = level;
        self.choose_ways();
    }

    /// Whether events are written.
    pub(in super::super) fn keeps_history(&self) -> bool {
        self.level == Level::Full && self.is_history_on
    }

    /// Writes events at level `full`, or writes none there.
    pub(in super::super) fn set_history(&mut self, is_on: bool, stamp: u64) {
        if is_on && !self.is_history_on {
            self.since.history = stamp;
        }
        self.is_history_on = is_on;
        self.choose_ways();
    }

    pub(in super::super) fn fail_on_purpose(&mut self, is_asked: bool) {
        self.may_fail_on_purpose = is_asked;
        self.choose_ways();
    }

    pub(in super::super) fn choose_ways(&mut self) {
        self.is_guarding = self.level >= Level::Blocks && self.guards.level > GuardLevel::Off;
        if self.is_guarding || self.level < Level::Stacks {
            self.recent_frees.clear();
        }
        if self.level < Level::Blocks {
            self.guards.freed.clear();
        }
        let is_guarded = self.is_guarding || self.guards.statistics.guarded_blocks > 0;
        let is_quick = !self.may_fail_on_purpose && self.backend.as_ref().is_some_and(Backend::is_quick);
        let is_known = self.backend.as_ref().is_none_or(|backend| backend.live().is_some());
        self.is_counting = self.level != Level::Off || !is_known;
        self.guarded_way = match self.guards.level {
            GuardLevel::RedZone if is_quick && self.level == Level::Blocks => GuardedWay::RedZone,
            GuardLevel::Full if is_quick && self.level == Level::Blocks => GuardedWay::Full,
            _ => GuardedWay::Fully,
        };
        self.is_sampling =
            self.level >= Level::Blocks && self.guards.pool.interval() > 0 && self.guards.pool.slots() > 0;
        self.unsampled_way = match self.level {
            _ if !is_quick || self.is_guarding => Way::Fully,
            Level::Off if !self.is_counting => Way::Pass,
            Level::Off | Level::Counters => Way::Count,
            Level::Blocks => Way::Record,
            Level::Full if self.is_history_on => Way::RecordEvent,
            Level::Stacks | Level::Full => Way::RecordStack,
        };
        (self.allocation_way, self.guarded_allocation_way) = if self.is_sampling {
            (Way::Fully, GuardedWay::BetweenSamples)
        } else {
            (self.unsampled_way, self.guarded_way)
        };
        // Blocks of the pool are none that a backend's quick way takes.
        self.free_way = match self.unsampled_way {
            _ if is_guarded => Way::Fully,
            Way::Pass | Way::Count if self.live.len() != 0 => Way::Fully,
            way => way,
        };
    }
}

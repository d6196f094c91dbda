//! Both trackers behind one face, for reports that tell the same of blocks and of runs of pages.

use memstat::{Counters, Event, HistoryPart, Level, Record, Stack};

use super::heap::tracker;
use super::page_tracker::page_tracker;

/// Whose records a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ledger {
    /// Those of blocks of the heap.
    Blocks,
    /// Those of runs of pages.
    Pages,
}

/// Evaluates an expression with the tracker that a ledger stands for.
macro_rules! with_tracker {
    ($ledger:expr, $any:ident => $what:expr) => {
        match $ledger {
            Ledger::Blocks => {
                let $any = tracker();
                $what
            }
            Ledger::Pages => {
                let $any = page_tracker();
                $what
            }
        }
    };
}

impl Ledger {
    /// What one of its records is about.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Blocks => "block",
            Self::Pages => "run",
        }
    }

    /// The option of the command line that sets its level.
    pub(crate) fn level_option(self) -> &'static str {
        match self {
            Self::Blocks => "memstat",
            Self::Pages => "memstat.pages",
        }
    }

    /// How much is recorded.
    pub(crate) fn level(self) -> Level {
        with_tracker!(self, tracker => tracker.level())
    }

    /// The counters.
    pub(crate) fn counters(self) -> Counters {
        with_tracker!(self, tracker => tracker.counters())
    }

    /// The call stack with this number.
    pub(crate) fn stack(self, number: u16) -> Option<Stack> {
        with_tracker!(self, tracker => tracker.stacks().get(number))
    }

    /// How many call stacks there are; their numbers start at 1.
    pub(crate) fn stack_count(self) -> u16 {
        with_tracker!(self, tracker => tracker.stacks().count())
    }

    /// Copies records into `buffer`, as `memstat::BlocksView::read` does.
    pub(crate) fn read(self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        with_tracker!(self, tracker => tracker.blocks().read(cursor, buffer))
    }

    /// Copies events into `buffer`, as `memstat::HistoryView::read` does.
    pub(crate) fn read_history(self, cursor: u64, buffer: &mut [Event]) -> HistoryPart {
        with_tracker!(self, tracker => tracker.history().read(cursor, buffer))
    }
}

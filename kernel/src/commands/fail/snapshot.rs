//! A snapshot of what is live, to see whether something was left behind.

use core::fmt;

use crate::memory::heap::tracker;
use crate::memory::{Purpose, pages_for};

/// Live blocks, their bytes, and pages. The tracker's own pages are left out: call stacks that it has seen stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    blocks: i64,
    bytes: i64,
    pages: i64,
}

impl Snapshot {
    /// The live blocks and pages once no memory is kept in reserve.
    pub(crate) fn take() -> Self {
        tracker().reclaim();
        let counters = tracker().counters();
        let purposes = Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Arena);
        Self {
            blocks: counters.live_blocks as i64,
            bytes: counters.live_bytes as i64,
            pages: purposes.map(pages_for).sum::<usize>() as i64,
        }
    }

    /// What became of live blocks and bytes; `None` if nothing.
    pub(crate) fn live_since(&self, before: &Self) -> Option<Change> {
        self.since(&Self { pages: self.pages, ..*before })
    }

    /// What became of all of them; `None` if nothing.
    pub(crate) fn since(&self, before: &Self) -> Option<Change> {
        let change = Change {
            blocks: self.blocks - before.blocks,
            bytes: self.bytes - before.bytes,
            pages: self.pages - before.pages,
        };
        (self != before).then_some(change)
    }
}

/// More or less of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    blocks: i64,
    bytes: i64,
    pages: i64,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:+} blocks, {:+} bytes, {:+} pages", self.blocks, self.bytes, self.pages)
    }
}

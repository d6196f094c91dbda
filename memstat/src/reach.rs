//! Leaks by reachability: which blocks nothing points to any more.
//!
//! A conservative mark and sweep over the live map, as in Linux's kmemleak and in Boehm's collector: each aligned word
//! of a root or of a reachable block that holds an address inside a live block makes that block reachable. A number
//! that only looks like one hides a leak; nothing that is used is ever taken for one, as long as a plain pointer to it
//! lies where the scan looks.
//!
//! The marks lie in the records (`mark`), and the list of blocks to look at next has a fixed length (`work`): what
//! finds no room there stays grey in its record, and the next walk over the records finds it. So a scan takes no
//! memory, however many blocks there are.
//!
//! The lock is held for a bounded slice of the work at a time, and the heap is used in between. A block that comes
//! meanwhile counts as reachable, and its words are looked at; one that goes takes its mark with it. A pointer that
//! moves from a place not yet looked at to one that was hides its block from this scan: so a block is a suspect
//! first, and a leak only if the next scan finds nothing either. `tracked/inner/scan.rs` has the steps.

use core::fmt;

pub(crate) mod mark;
pub(crate) mod work;

pub use mark::Reach;
pub(crate) use mark::{Colour, Mark};
use work::WorkList;

/// The result of a scan. Only blocks that were live when it began are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanSummary {
    /// Blocks that were judged.
    pub blocks: u64,
    /// Words in roots and blocks that were looked at.
    pub words: u64,
    /// Blocks to which nothing pointed, for the first time.
    pub suspects: u64,
    /// Blocks to which nothing pointed, as in the scan before.
    pub leaks: u64,
    /// The leaks' bytes, as they were asked for.
    pub leaked_bytes: u64,
    /// Leaks that were none before this scan.
    pub new_leaks: u64,
    /// Live blocks without a record: neither judged nor read.
    pub unrecorded: u64,
    /// Walks over the records to find blocks whose words were still to be looked at.
    pub walks: u64,
}

/// Why a scan did not run, or not to its end. Earlier findings stay valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// Another one is under way.
    Busy,
    /// No block has a record.
    NoRecords,
    /// The caller stopped it.
    Stopped,
}

impl fmt::Display for ScanError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Busy => "another scan is under way",
            Self::NoRecords => "no live block is recorded; that needs memstat level blocks or more",
            Self::Stopped => "stopped before its end; what was found before stands",
        })
    }
}

/// How far a scan is. Records are walked from the last to the first: when a block goes, the last record moves to its
/// place, so what lies behind is seen twice rather than never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// None is under way.
    Idle,
    /// Every block becomes white; this is the number of the record behind the next one.
    Whiten(usize),
    /// The words of a root, from one on.
    Roots { root: usize, offset: usize },
    /// What is grey becomes black, and what it points to grey.
    Blacken(usize),
    /// What is still white is unreachable.
    Judge(usize),
}

/// The block whose words are being read, and how far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current {
    pub(crate) address: usize,
    pub(crate) sequence: u64,
    pub(crate) offset: usize,
}

/// The state of the scan that is under way.
#[derive(Debug)]
pub(crate) struct Scanner {
    pub(crate) phase: Phase,
    /// Blocks with a higher number came since the scan began.
    pub(crate) last_sequence: u64,
    /// All white blocks lie between these.
    pub(crate) lowest: usize,
    pub(crate) end: usize,
    pub(crate) work: WorkList,
    pub(crate) current: Option<Current>,
    /// The number of the last event before this walk over the records began.
    pub(crate) walk_sequence: u64,
    pub(crate) scanned: ScanSummary,
}

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Idle,
            last_sequence: 0,
            lowest: usize::MAX,
            end: 0,
            work: WorkList::new(),
            current: None,
            walk_sequence: 0,
            scanned: ScanSummary {
                blocks: 0,
                words: 0,
                suspects: 0,
                leaks: 0,
                leaked_bytes: 0,
                new_leaks: 0,
                unrecorded: 0,
                walks: 0,
            },
        }
    }

    /// Begins behind the last record; the last event has this number.
    pub(crate) fn start(&mut self, behind: usize, last_sequence: u64) {
        self.phase = Phase::Whiten(behind);
        self.last_sequence = last_sequence;
        (self.lowest, self.end) = (usize::MAX, 0);
        self.work.clear();
        self.current = None;
        self.walk_sequence = last_sequence;
        self.scanned = ScanSummary::default();
    }
}

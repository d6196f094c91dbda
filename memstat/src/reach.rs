//! Leaks by reachability: blocks that nothing points to any more.
//!
//! A conservative mark and sweep over the live map, as in Linux's kmemleak and in Boehm's collector: each aligned word
//! of a root or of a reachable block that holds an address inside a live block makes that block reachable. A number that
//! only looks like an address can hide a leak. A block in use is never reported, as long as a plain pointer to it is in
//! memory that the scan reads.
//!
//! The marks are in the records (`mark`), and the list of blocks to read next has a fixed length (`work`): a block that
//! it has no room for stays grey in its record, and the next walk over the records finds it. So a scan takes no memory,
//! however many blocks there are.
//!
//! The lock is held for a bounded slice of the work at a time, and the heap is used in between. A block that is allocated
//! meanwhile counts as reachable, and its words are read. A pointer that moves from memory not yet read to memory that was
//! read hides its block from this scan: so a block is a suspect first, and a leak only if the next scan cannot reach it
//! either. `tracked/inner/scan.rs` has the steps.

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
    /// Words in roots and blocks that were read.
    pub words: u64,
    /// Blocks that could not be reached, for the first time.
    pub suspects: u64,
    /// Blocks that could not be reached in this scan and the previous one.
    pub leaks: u64,
    /// The sizes of the leaks in bytes, as requested.
    pub leaked_bytes: u64,
    /// Leaks that were not leaks before this scan.
    pub new_leaks: u64,
    /// Live blocks without a record: neither judged nor read.
    pub unrecorded: u64,
    /// Walks over the records to find blocks whose words were still to be read.
    pub walks: u64,
}

/// Why a scan did not start, or did not run to its end. Earlier results stay valid.
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
            Self::Stopped => "stopped before its end; earlier results stay valid",
        })
    }
}

/// How far a scan is. Records are visited from the last to the first: when a block is freed, the last record moves to its
/// place, so a record may be visited twice, but is never missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No scan is under way.
    Idle,
    /// Colours all blocks white; the next record is the one before this number.
    Whiten(usize),
    /// Reads the words of root number `root`, from the byte `offset` on.
    Roots { root: usize, offset: usize },
    /// Colours grey blocks black, and the blocks that they point to grey; the next record is the one before this number.
    Blacken(usize),
    /// Judges the blocks that are still white as unreachable; the next record is the one before this number.
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
    /// The sequence number of the last event before the scan began; newer blocks have higher ones.
    pub(crate) last_sequence: u64,
    /// All white blocks lie between these addresses.
    pub(crate) lowest: usize,
    pub(crate) end: usize,
    pub(crate) work: WorkList,
    pub(crate) current: Option<Current>,
    /// The sequence number of the last event before this walk over the records began.
    pub(crate) walk_sequence: u64,
    pub(crate) scanned: ScanSummary,
}

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Idle,
            last_sequence: 0,
            lowest: 0,
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

    /// Begins a scan below the place `behind`; `last_sequence` is the number of the last event.
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

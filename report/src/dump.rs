//! Dumps as memstat writes them: `memstat::report::dump`, format in docs/dump.md.
//!
//! A dump may stand in a serial log, between other lines, in colours, with lines torn by messages, or be cut. [`read`]
//! finds all dumps of an input, and says of each whether it is whole. What can be read of one that is not is kept.

mod fields;
mod line;
mod proc_file;
mod reader;

use std::collections::HashMap;
use std::fmt;

pub use line::{Checked, checked_texts};
pub use reader::{Reader, read};

/// The version of the format that is read.
pub const VERSION: u64 = 1;

/// One dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// The program's name; empty where the first line is lost.
    pub program: String,
    /// By how much return addresses are higher than those in the program's file.
    pub load_offset: u64,
    /// When it was written, in microseconds since the program's start.
    pub time_us: u64,
    /// The level of recording.
    pub level: String,
    /// Since when totals, blocks, stacks and history are recorded, in microseconds; `None` where they are not.
    pub since_us: [Option<u64>; 4],
    /// What was counted.
    pub totals: Totals,
    /// What is live.
    pub live: Live,
    /// Points in time, in the dump's order.
    pub marks: Vec<Mark>,
    /// Call stacks, in the dump's order. Number 0 is what has none.
    pub stacks: Vec<Stack>,
    /// The functions of a return address, innermost first.
    pub names: HashMap<u64, Vec<Frame>>,
    /// Live blocks, if they were written.
    pub blocks: Vec<Block>,
    /// Blocks by size.
    pub sizes: Vec<SizeClass>,
    /// Blocks by age.
    pub ages: Vec<AgeClass>,
    /// Events of the history, if they were written.
    pub events: Vec<Event>,
    /// Events that were overwritten before they could be written.
    pub lost_events: u64,
    /// Allocations and frees while the dump was written.
    pub during: Option<(u64, u64)>,
    /// The line of the input that it starts in, from 1.
    pub first_line: u64,
    /// Whether all of it was read.
    pub state: State,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Whether a dump was read as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It has no last line.
    #[default]
    Cut,
    /// Lines are missing, torn or changed.
    Damaged,
    /// The checksum over all lines is right.
    Whole,
}

/// Something that is wrong in an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line of the input, from 1.
    pub line: u64,
    /// What is wrong there.
    pub what: String,
}

/// Counters since the start of counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Allocations that succeeded.
    pub allocations: u64,
    /// Bytes that they asked for.
    pub requested_bytes: u64,
    /// Frees.
    pub frees: u64,
    /// Reallocations that succeeded.
    pub reallocations: u64,
    /// Allocations and reallocations that failed.
    pub failures: u64,
    /// Frees that were refused.
    pub bad_frees: u64,
    /// Allocations that could not be recorded.
    pub untracked: u64,
}

/// What was live when the dump began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Blocks.
    pub blocks: u64,
    /// Those of them that are recorded.
    pub recorded_blocks: u64,
    /// Bytes of the recorded ones, as requested.
    pub bytes: u64,
    /// Bytes that all blocks take from memory.
    pub taken_bytes: u64,
    /// The maximum of `blocks`.
    pub peak_blocks: u64,
    /// The maximum of `bytes`.
    pub peak_bytes: u64,
}

/// A point in time with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its name.
    pub name: String,
    /// The number of the last event before it.
    pub sequence: u64,
    /// Microseconds since the start.
    pub time_us: u64,
}

/// A call stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its number.
    pub number: u32,
    /// Blocks that are live.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// The maximum of `live_bytes`.
    pub peak_bytes: u64,
    /// Blocks that were ever allocated.
    pub total_blocks: u64,
    /// Their bytes.
    pub total_bytes: u64,
    /// When it was first seen, in microseconds since the start.
    pub first_us: u64,
    /// Return addresses, innermost first.
    pub frames: Vec<u64>,
}

/// A function that an address lies in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// Its name; empty where it is not known.
    pub function: String,
    /// The source file; empty where it is not known.
    pub file: String,
    /// The line; 0 where it is not known.
    pub line: u32,
}

/// A live block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where it starts.
    pub address: u64,
    /// Its size in bytes, as requested.
    pub size_bytes: u64,
    /// The number of its call stack; 0 for none.
    pub stack: u32,
    /// The number of the event that allocated it.
    pub sequence: u64,
    /// When it was allocated, in microseconds since the start.
    pub time_us: u64,
    /// Its alignment in bytes.
    pub align_bytes: u64,
    /// The CPU that asked for it.
    pub cpu: u32,
    /// The task that asked for it.
    pub task: u32,
}

/// Blocks whose size is from `from_bytes` to less than twice that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeClass {
    /// The smallest size of the class, in bytes: 0 or a power of two.
    pub from_bytes: u64,
    /// Blocks that are live.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Allocations that were counted.
    pub allocations: u64,
}

/// Live blocks whose age is from `from_ms` to less than twice that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgeClass {
    /// The smallest age of the class, in milliseconds: 0 or a power of two.
    pub from_ms: u64,
    /// Blocks.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// An event of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened: `allocate`, `free`, `reallocate`, `fail`, `bad-free` or `realloc-from`.
    pub kind: String,
    /// The block.
    pub address: u64,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The number of the call stack; 0 for none.
    pub stack: u32,
    /// The event's number.
    pub sequence: u64,
    /// Microseconds since the start.
    pub time_us: u64,
    /// The CPU.
    pub cpu: u32,
    /// The task.
    pub task: u32,
}

impl Dump {
    /// The mark with this name.
    pub fn mark(&self, name: &str) -> Option<&Mark> {
        self.marks.iter().find(|mark| mark.name == name)
    }
}

impl Frame {
    /// `file:line`, as much as is known of it.
    pub fn place(&self) -> String {
        match (self.file.as_str(), self.line) {
            ("", _) => String::new(),
            (file, 0) => file.into(),
            (file, line) => format!("{file}:{line}"),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::Damaged => "damaged",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.what)
    }
}

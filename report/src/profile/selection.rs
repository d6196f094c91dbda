//! What of a dump a report is about.

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;

use super::{Profile, Values};
use crate::dump::Dump;

/// A part of a dump. The default is all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only blocks that came after this mark and are live: its name, or an event's number.
    pub since: Option<String>,
    /// Only live blocks of these sizes, in bytes.
    pub size_bytes: Option<RangeInclusive<u64>>,
    /// Only call stacks with a function whose name contains this.
    pub function: Option<String>,
    /// Only call stacks with a file whose path contains this.
    pub file: Option<String>,
}

/// Why a selection is not possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectionError {
    /// The dump has no such mark; it has these.
    NoMark(String, Vec<String>),
    /// The dump has no blocks.
    NoBlocks,
}

impl fmt::Display for SelectionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMark(name, marks) if marks.is_empty() => {
                write!(out, "unknown mark '{name}'; the dump has no marks, so give the number of an event")
            }
            Self::NoMark(name, marks) => {
                write!(out, "unknown mark '{name}'; expected {} or the number of an event", marks.join(", "))
            }
            Self::NoBlocks => {
                write!(out, "--since, --min-size and --max-size need a dump with every block: export -b")
            }
        }
    }
}

impl std::error::Error for SelectionError {}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Selection {
    /// The values of each call stack. Where blocks are selected one by one, the totals are those of the same blocks.
    pub(super) fn values(&self, dump: &Dump) -> Result<HashMap<u32, Values>, SelectionError> {
        let mut values = HashMap::<u32, Values>::new();
        if self.since.is_none() && self.size_bytes.is_none() {
            for stack in &dump.stacks {
                values.entry(stack.number).or_default().add(&Values {
                    live_bytes: signed(stack.live_bytes),
                    live_blocks: signed(stack.live_blocks),
                    total_bytes: signed(stack.total_bytes),
                    total_blocks: signed(stack.total_blocks),
                    peak_bytes: signed(stack.peak_bytes),
                });
            }
            return Ok(values);
        }
        let since = self.since.as_ref().map(|name| sequence(name, dump)).transpose()?.unwrap_or(0);
        if dump.blocks.is_empty() && dump.live.recorded_blocks > 0 {
            return Err(SelectionError::NoBlocks);
        }
        let sizes = self.size_bytes.clone().unwrap_or(0..=u64::MAX);
        for block in dump.blocks.iter().filter(|block| block.sequence > since) {
            if sizes.contains(&block.size_bytes) {
                let bytes = signed(block.size_bytes);
                values.entry(block.stack).or_default().add(&Values {
                    live_bytes: bytes,
                    live_blocks: 1,
                    total_bytes: bytes,
                    total_blocks: 1,
                    peak_bytes: bytes,
                });
            }
        }
        Ok(values)
    }

    /// Leaves the call stacks with the selected function and file.
    pub(super) fn retain(&self, profile: &mut Profile) {
        let Self { function, file, .. } = self;
        if function.is_none() && file.is_none() {
            return;
        }
        let samples = std::mem::take(&mut profile.samples);
        let kept = samples.into_iter().filter(|sample| {
            let names = profile.frames(sample).map(|(place, frame)| place.shown(frame));
            let files = profile.frames(sample).map(|(_, frame)| format!("{}:{}", frame.file, frame.line));
            has(function.as_ref(), names) && has(file.as_ref(), files)
        });
        let kept = kept.collect();
        profile.samples = kept;
    }
}

/// Whether one of the texts contains the part, if there is one.
fn has(part: Option<&String>, mut texts: impl Iterator<Item = String>) -> bool {
    part.is_none_or(|part| texts.any(|text| text.contains(part.as_str())))
}

fn sequence(name: &str, dump: &Dump) -> Result<u64, SelectionError> {
    let marked = dump.mark(name).map(|mark| mark.sequence);
    marked.or_else(|| name.parse().ok()).ok_or_else(|| {
        SelectionError::NoMark(name.into(), dump.marks.iter().map(|mark| mark.name.clone()).collect())
    })
}

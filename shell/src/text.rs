//! Algorithms on text, independent of where it comes from and goes to.
//!
//! All of them work byte by byte, in memory of fixed size or lent by the caller: lines may have any length.

mod diff;
mod hex;
mod pattern;
mod sort_key;

pub(crate) use diff::{Change, DiffError, compare, hash_lines, work_length};
pub(crate) use hex::{HexRow, ROW_BYTES};
pub(crate) use pattern::{Matcher, Pattern};
pub(crate) use sort_key::{Manner, Order, SortKey};

/// Number of newlines.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().map(|byte| usize::from(*byte == b'\n')).sum()
}

//! What commands do with text, apart from where it comes from and goes to.
//!
//! All of it works in memory of fixed size or in what the caller lends, byte by byte: a line may be as long
//! as it likes.

mod diff;
mod hex;
mod pattern;
mod sort_key;

pub(crate) use diff::{Change, DiffError, compare, hash_lines, work_length};
pub(crate) use hex::{HexRow, ROW_BYTES};
pub(crate) use pattern::{Matcher, Pattern};
pub(crate) use sort_key::{Manner, Order, SortKey};

/// Ends of lines in the bytes.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().map(|byte| usize::from(*byte == b'\n')).sum()
}

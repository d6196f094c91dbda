//! What commands do with text, apart from where it comes from and goes to.
//!
//! All of it works in memory of fixed size or in what the caller lends, byte by byte: a line may be as long
//! as it likes.

mod date;
mod diff;
mod hex;
mod pattern;

pub use date::Date;
pub use diff::{Change, DiffError, Side, compare, hash_lines};
pub use hex::{HexRow, ROW_BYTES};
pub use pattern::{Matcher, Pattern, PatternError};

/// Ends of lines in the bytes.
pub fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().map(|byte| usize::from(*byte == b'\n')).sum()
}

//! Writes past a block, or after its free, found by red zones and poison.

use core::fmt;

use crate::record::Record;

/// Bytes of the overwritten memory that are kept for the report.
const MAX_SEEN: usize = 16;

/// A red zone or poison that was overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// What happened.
    pub kind: CorruptionKind,
    /// The record of the block, as it was allocated.
    pub block: Record,
    /// The block's free, if it was freed. Only stamp, CPU, task and call stack have a meaning.
    pub free: Option<Record>,
    /// The offset of the first wrong byte from the block's start, in bytes.
    pub offset: isize,
    /// The value that each byte should have.
    pub expected: u8,
    seen: [u8; MAX_SEEN],
    seen_count: usize,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorruptionKind {
    /// A write past the block's end.
    Overrun,
    /// A write before the block's start.
    Underrun,
    /// A write to the block after its free.
    WriteAfterFree,
}

impl Corruption {
    /// All zeros, for a place that has none yet.
    pub(crate) const EMPTY: Self = Self {
        kind: CorruptionKind::Overrun,
        block: Record::EMPTY,
        free: None,
        offset: 0,
        expected: 0,
        seen: [0; MAX_SEEN],
        seen_count: 0,
    };

    pub(crate) fn new(
        kind: CorruptionKind,
        block: &Record,
        free: Option<&Record>,
        offset: isize,
        (bytes, expected): (&[u8], u8),
    ) -> Self {
        let mut seen = [0; MAX_SEEN];
        let mut seen_count = 0;
        for (slot, byte) in seen.iter_mut().zip(bytes) {
            *slot = *byte;
            seen_count += 1;
        }
        Self { kind, block: *block, free: free.copied(), offset, expected, seen, seen_count }
    }

    /// What was found: up to 16 bytes, from the first wrong one on.
    pub fn seen(&self) -> &[u8] {
        self.seen.get(..self.seen_count).unwrap_or_default()
    }
}

/// `1 byte`, `2 bytes`.
pub(crate) struct Bytes(pub(crate) isize);

impl fmt::Display for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, size_bytes) = (self.block.address(), self.block.size_bytes());
        match self.kind {
            CorruptionKind::Overrun => write!(
                out,
                "overrun: a write {} past the end of the block {start:#x} of {size_bytes} bytes",
                Bytes(self.offset - size_bytes as isize)
            )?,
            CorruptionKind::Underrun => write!(
                out,
                "underrun: a write {} before the block {start:#x} of {size_bytes} bytes",
                Bytes(-self.offset)
            )?,
            CorruptionKind::WriteAfterFree => write!(
                out,
                "write after free: at offset {} of the freed block {start:#x} of {size_bytes} bytes",
                self.offset
            )?,
        }
        write!(out, "; expected {:02x}, found", self.expected)?;
        self.seen().iter().try_for_each(|byte| write!(out, " {byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn one_byte_is_no_plural() {
        let text = [0, 1, 2].map(|count| Bytes(count).to_string());
        assert_eq!(text, ["0 bytes", "1 byte", "2 bytes"]);
    }
}

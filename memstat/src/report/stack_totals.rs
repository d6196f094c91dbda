//! The totals of a call stack, in one line.

use core::fmt;

use crate::stacks::Stack;

/// A call stack's totals, without its frames.
#[derive(Clone, Copy, Debug)]
pub struct StackTotals<'a> {
    /// Its number.
    pub number: u16,
    /// The stack.
    pub stack: &'a Stack,
    /// Bytes that its live blocks take from memory, if they were computed.
    pub taken_bytes: Option<u64>,
}

impl fmt::Display for StackTotals<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stack { live_blocks, live_bytes, peak_bytes, total_blocks, total_bytes, .. } = *self.stack;
        write!(
            out,
            "stack {}: {live_bytes} bytes in {live_blocks} blocks live, peak {peak_bytes} bytes, total {total_bytes} \
             bytes in {total_blocks} blocks",
            self.number
        )?;
        self.taken_bytes.map_or(Ok(()), |taken_bytes| write!(out, ", taken {taken_bytes} bytes"))
    }
}

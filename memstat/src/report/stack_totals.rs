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

/// Writes a stack: its totals in one line, then one line per frame; `name` gives the name of a return address.
///
/// # Errors
///
/// The writer's own.
pub fn write_stack<D: fmt::Display>(
    number: u16,
    stack: &Stack,
    name: impl Fn(usize) -> D,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    writeln!(out, "{}", StackTotals { number, stack, taken_bytes: None })?;
    stack.frames().iter().try_for_each(|frame| writeln!(out, "    {}", name(*frame)))
}

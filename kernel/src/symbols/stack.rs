//! A recorded call stack as lists show it: its totals in a line, then its functions.

use core::fmt::{self, Write};

use memstat::Stack;
use memstat::report::StackTotals;

use super::StackFrame;
use crate::memory::report::shown_frames;

/// Writes a call stack: what is live under it, then a function a line, up to that of the command that ran.
///
/// Its live blocks take `taken_bytes` from memory, where that was added up.
pub(crate) fn write_stack(
    number: u16,
    stack: &Stack,
    taken_bytes: Option<u64>,
    out: &mut dyn Write,
) -> fmt::Result {
    writeln!(out, "{}", StackTotals { number, stack, taken_bytes })?;
    shown_frames(stack).try_for_each(|frame| writeln!(out, "    {}", StackFrame(frame)))
}

//! A recorded call stack as lists show it: its totals in a line, then its functions.

use core::fmt::{self, Write};

use memstat::Stack;
use memstat::report::StackTotals;

use super::StackFrame;
use crate::memory::report::shown_frames;

/// Writes a call stack: what is live under it, then a function a line, up to that of the command that ran.
pub(crate) fn write_stack(number: u16, stack: &Stack, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "{}", StackTotals { number, stack })?;
    shown_frames(stack).try_for_each(|frame| writeln!(out, "    {}", StackFrame(frame)))
}

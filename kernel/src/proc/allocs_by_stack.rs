//! `/proc/allocs_by_stack`: what is live under each call stack, with the stack's frames.

use core::fmt::{self, Write};

use memstat::report;
use vfs::Table;

use crate::memory::heap::tracker;
use crate::symbols::ReturnAddress;

/// A stack has 16 frames at most, and a frame's line some 200 bytes of ASCII: so many fit into a batch.
const STACKS_AT_ONCE: u16 = 4;

/// The file.
pub(super) struct AllocsByStack;

impl Table for AllocsByStack {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "allocs_by_stack - version: 1.0")
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        let known = tracker().stack_count();
        let first = (cursor as u16).saturating_add(1);
        let last = first.saturating_add(STACKS_AT_ONCE - 1).min(known);
        for number in first..=last {
            if let Some(stack) = tracker().stack(number) {
                report::write_stack(number, &stack, ReturnAddress, out)?;
            }
        }
        Ok((last < known).then_some(last.into()))
    }
}

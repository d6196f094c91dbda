//! `/proc/allocs_by_stack`: what is live under each call stack, with the stack's frames.

use core::fmt::{self, Write};

use vfs::Table;

use crate::memory::heap::tracker;
use crate::symbols::write_stack;

/// The file.
pub(super) struct AllocsByStack;

impl Table for AllocsByStack {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "allocs_by_stack - version: 1.0")
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        // One at a time: a stack of 16 frames with long names fills a good part of a batch.
        let number = (cursor as u16).saturating_add(1);
        if let Some(stack) = tracker().stacks().get(number) {
            write_stack(number, &stack, out)?;
        }
        Ok((number < tracker().stacks().count()).then_some(number.into()))
    }
}

//! `/proc/kmsg`: the kernel's log, a message a line, as Linux shows it.
//!
//! Unlike Linux's it ends where the log ends, and reading takes nothing away: each reader sees all that is kept.

use core::fmt::{self, Write};

use journal::Stamp;
use vfs::Table;

use crate::logger;

/// The longest message has some 250 bytes, so a batch of 32 KiB holds as many.
const MESSAGES_AT_ONCE: usize = 64;

/// The file.
pub(super) struct KernelMessages;

impl Table for KernelMessages {
    fn header(&self, _: &mut dyn Write) -> fmt::Result {
        Ok(())
    }

    fn rows(&self, mut cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        for _ in 0..MESSAGES_AT_ONCE {
            let Some((number, entry)) = logger::next_from(cursor) else { return Ok(None) };
            writeln!(out, "<{}>{} {}", entry.priority.severity, Stamp(entry.time_ns), entry.text)?;
            cursor = number + 1;
        }
        Ok(Some(cursor))
    }
}

//! `/dev/kmsg`: the kernel's log, a record each read; what is written is logged, a line a message.
//!
//! Unlike Linux's it never waits: at the end of the log it reads as empty. Records that are lost are skipped, as the
//! numbers show. Source: Linux, Documentation/ABI/testing/dev-kmsg.

use core::fmt::Write;

use arrayvec::ArrayString;
use journal::RecordText;
use vfs::{Device, Errno, Result};

use crate::logger;

/// Each byte of a message may take four characters.
const MAX_RECORD_BYTES: usize = 1024;

/// The device. Its position is the number of the next record.
pub(super) struct KernelMessages;

impl Device for KernelMessages {
    fn read(&self, position: &mut u64, target: &mut [u8]) -> Result<usize> {
        let Some((number, entry)) = logger::next_from(*position) else { return Ok(0) };
        let mut record = ArrayString::<MAX_RECORD_BYTES>::new();
        writeln!(record, "{}", RecordText { number, entry: &entry }).map_err(|_| Errno::EIO)?;
        // As in Linux, a record is read as a whole or not at all.
        let room = target.get_mut(..record.len()).ok_or(Errno::EINVAL)?;
        room.copy_from_slice(record.as_bytes());
        *position = number + 1;
        Ok(record.len())
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        for (priority, text) in journal::messages(bytes) {
            logger::write(priority, format_args!("{text}"));
        }
        Ok(bytes.len())
    }
}

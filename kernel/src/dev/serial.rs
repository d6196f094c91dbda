//! `/dev/ttyS1`: the second serial line, for data such as dumps; the first one is part of `/dev/console`.
//!
//! Bytes are sent as they are: nobody sits at this line. Reading takes what has come, and never waits.

use vfs::{Device, Errno, Result};

use crate::arch::serial;

/// The device. A machine without the line answers with EIO, as Linux does.
pub(super) struct DataLine;

impl Device for DataLine {
    fn read(&self, _: &mut u64, target: &mut [u8]) -> Result<usize> {
        serial::read_data(target).ok_or(Errno::EIO)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        match serial::write_data(bytes) {
            Some(0) if !bytes.is_empty() => Err(Errno::EIO),
            sent => sent.ok_or(Errno::EIO),
        }
    }
}

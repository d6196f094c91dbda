//! `/dev/hvc0`: the virtio console, for data such as dumps; it takes a page at a time, and so is the faster line.
//!
//! As with `/dev/ttyS1` bytes are sent as they are, and reading never waits. Without the device there is no such file.

use vfs::{Device, Errno, Result};

use crate::arch::virtio_console;

/// The device.
pub(super) struct VirtioConsole;

impl Device for VirtioConsole {
    fn read(&self, _: &mut u64, target: &mut [u8]) -> Result<usize> {
        virtio_console::read(target).ok_or(Errno::EIO)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        match virtio_console::write(bytes) {
            Some(0) if !bytes.is_empty() => Err(Errno::EIO),
            sent => sent.ok_or(Errno::EIO),
        }
    }
}

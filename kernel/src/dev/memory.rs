//! `/dev/null`, `/dev/zero` and `/dev/full`: devices that are nothing but a behaviour.
//!
//! Source: Linux, drivers/char/mem.c; null(4), full(4).

use vfs::{Device, Errno, Result};

/// Empty to read; takes what is written.
pub(super) struct Null;

impl Device for Null {
    fn read(&self, _: &mut u64, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }
}

/// Zeros without end; takes what is written.
pub(super) struct Zero;

impl Device for Zero {
    fn read(&self, _: &mut u64, target: &mut [u8]) -> Result<usize> {
        target.fill(0);
        Ok(target.len())
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }
}

/// Zeros without end; has no room for anything.
pub(super) struct Full;

impl Device for Full {
    fn read(&self, position: &mut u64, target: &mut [u8]) -> Result<usize> {
        Zero.read(position, target)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        if bytes.is_empty() { Ok(0) } else { Err(Errno::ENOSPC) }
    }
}

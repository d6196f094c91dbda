//! Accesses that went where they should not, caught in the act.

use core::fmt;

use crate::corruption::Bytes;
use crate::record::Record;

/// An access past a sampled block, or after its free, that faulted. It can go on: what it touches is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAccess {
    /// What was tried.
    pub access: Access,
    /// The first address that could not be touched.
    pub address: usize,
    /// The block that it is about, as it was allocated.
    pub block: Record,
    /// Its free, if it was free: stamp, CPU, task and call stack.
    pub free: Option<Record>,
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read.
    Read,
    /// A write.
    Write,
}

/// Why nothing can be said of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unexplained {
    /// It has nothing to do with sampled blocks.
    Foreign,
    /// It came while the tracker's lock was held.
    Busy,
}

impl fmt::Display for InvalidAccess {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, size_bytes) = (self.block.address(), self.block.size_bytes());
        let access = match self.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        let offset = self.address as isize - start as isize;
        if self.free.is_some() {
            write!(out, "use after free: a {access} at offset {offset} of the freed block")?;
        } else if offset < 0 {
            write!(out, "underrun: a {access} {} before the block", Bytes(-offset))?;
        } else {
            let behind = Bytes(offset - size_bytes as isize);
            write!(out, "overrun: a {access} {behind} behind the end of the block")?;
        }
        write!(out, " {start:#x} of {size_bytes} bytes")
    }
}

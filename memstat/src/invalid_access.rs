//! Invalid accesses to sampled blocks, detected at the instruction that makes them.

use core::fmt;

use crate::corruption::Bytes;
use crate::record::Record;

/// An access before or past a sampled block, or after its free, that faulted. The instruction can be repeated: the page
/// allows access now, and no live block is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAccess {
    /// Whether it was a read or a write.
    pub access: Access,
    /// The address that faulted.
    pub address: usize,
    /// The record of the sampled block, as it was allocated.
    pub block: Record,
    /// The block's free, if it was freed. Only stamp, CPU, task and call stack have a meaning.
    pub free: Option<Record>,
}

/// The kind of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read.
    Read,
    /// A write.
    Write,
}

/// Why an access cannot be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unexplained {
    /// It is not about a sampled block.
    Foreign,
    /// The tracker's lock is held.
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
            let past = Bytes(offset - size_bytes as isize);
            write!(out, "overrun: a {access} {past} past the end of the block")?;
        }
        write!(out, " {start:#x} of {size_bytes} bytes")
    }
}

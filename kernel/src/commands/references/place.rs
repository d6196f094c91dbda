//! How blocks, and the places of references to them, are shown.

use core::fmt;

use memstat::Record;

use crate::arch::{VAddr, backtrace, stacks};
use crate::memory::heap::tracker;
use crate::symbols::{self, ReturnAddress};

/// A block: `block 0xffff800000123000, 64 bytes, from function+0x12 file:line`.
pub(super) struct Block(pub(super) Record);

impl fmt::Display for Block {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "block {:#x}, {} bytes", self.0.address(), self.0.size_bytes())?;
        let stack = tracker().stacks().get(self.0.stack());
        match stack.and_then(|stack| stack.frames().first().copied()) {
            Some(site) => write!(out, ", from {}", ReturnAddress(VAddr::from_usize(site))),
            None => Ok(()),
        }
    }
}

/// A word in a root: a variable with the offset in it, or the function in whose frame it is.
pub(super) struct Root(pub(super) VAddr);

impl fmt::Display for Root {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variable) = symbols::variable(self.0) {
            return write!(out, "variable {variable}");
        }
        if stacks::containing(self.0).is_none() {
            return write!(out, "variable at {:#x}", self.0);
        }
        match backtrace::function_with(self.0) {
            Some(function) => write!(out, "stack of {}", ReturnAddress(function)),
            None => write!(out, "stack at {:#x}", self.0),
        }
    }
}

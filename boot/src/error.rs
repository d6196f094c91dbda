//! Why boot information could not be used.

use core::fmt;

use multiboot2::LoadError;

/// Why boot information could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootError {
    /// The address is null or not aligned to 8.
    Address {
        /// The physical address.
        address: u32,
    },
    /// The size in its header is impossible.
    Size {
        /// The size claimed.
        size_bytes: u32,
    },
    /// The chain of tags is broken: a tag reaches beyond the end, or the end tag is missing.
    Malformed(LoadError),
    /// There is no memory map, or no usable memory in it.
    NoMemory,
}

impl fmt::Display for BootError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address } => {
                write!(out, "boot information at {address:#x} is null or not aligned")
            }
            Self::Size { size_bytes } => {
                write!(out, "boot information has an impossible size of {size_bytes} bytes")
            }
            // The outer error's text does not include this one.
            Self::Malformed(LoadError::Memory(error)) => write!(out, "boot information: {error}"),
            Self::Malformed(error) => write!(out, "boot information: {error}"),
            Self::NoMemory => write!(out, "boot information names no usable memory"),
        }
    }
}

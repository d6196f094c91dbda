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
    /// The size in its head cannot be true.
    Size {
        /// The size claimed.
        size_bytes: u32,
    },
    /// The chain of tags is broken: a tag reaches beyond the end, or the end tag is missing.
    Malformed(LoadError),
    /// There is no memory map, or nothing usable in it.
    NoMemory,
}

impl fmt::Display for BootError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address } => {
                write!(out, "boot information at {address:#x} is null or not aligned")
            }
            Self::Size { size_bytes } => write!(out, "boot information of {size_bytes} bytes cannot be"),
            // The outer error does not say what was found.
            Self::Malformed(LoadError::Memory(error)) => write!(out, "boot information: {error}"),
            Self::Malformed(error) => write!(out, "boot information: {error}"),
            Self::NoMemory => write!(out, "boot information names no usable memory"),
        }
    }
}

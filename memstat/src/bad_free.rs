//! Frees that were refused.

use core::alloc::Layout;

use crate::record::Record;

/// A free or reallocation that was refused, of an address or with a layout that is wrong. It did not reach the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFree {
    /// The address that was to be freed.
    pub address: usize,
    /// What is wrong with it.
    pub kind: BadFreeKind,
    /// The record of the block that it is about, as it was allocated, if that is known.
    pub block: Option<Record>,
    /// The first free of the block, if it was freed before and that is known. Only stamp, CPU, task and call stack have a
    /// meaning.
    pub free: Option<Record>,
    /// Whether the call stack of that free is cut: without guards only its two innermost frames are kept.
    pub is_free_stack_cut: bool,
}

impl BadFree {
    /// What is wrong with an address, and no more.
    pub(crate) fn of_unknown(address: usize, kind: BadFreeKind) -> Self {
        Self { address, kind, block: None, free: None, is_free_stack_cut: false }
    }

    /// The free of a recorded block with another layout.
    pub(crate) fn wrong_layout(record: &Record) -> Self {
        let kind =
            BadFreeKind::WrongLayout { size_bytes: record.size_bytes(), align_bytes: record.align_bytes() };
        Self { block: Some(*record), ..Self::of_unknown(record.address(), kind) }
    }

    /// The reallocation of a block without a record with a layout that it cannot have; the backend reports `layout` for it.
    pub(crate) fn wrong_unrecorded_layout(address: usize, layout: Layout) -> Self {
        let kind = BadFreeKind::WrongLayout { size_bytes: layout.size(), align_bytes: layout.align() };
        Self::of_unknown(address, kind)
    }
}

/// What is wrong with a pointer that was to be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFreeKind {
    /// The block that starts there is free already.
    DoubleFree,
    /// The address lies inside a live block, or in the guards around one.
    Interior {
        /// The start of that block.
        start: usize,
    },
    /// The address lies inside a block that is free already.
    InsideFreed {
        /// The start of that block.
        start: usize,
    },
    /// The block is live, but was allocated with another layout.
    WrongLayout {
        /// The block's size in bytes; without a record, the size that the backend reports.
        size_bytes: usize,
        /// The block's alignment in bytes; without a record, the one that the backend reports.
        align_bytes: usize,
    },
    /// No live block starts there, and no freed one is known.
    NeverAllocated,
}

impl core::fmt::Display for BadFree {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let address = self.address;
        match self.kind {
            BadFreeKind::DoubleFree => write!(out, "double free of {address:#x}"),
            BadFreeKind::Interior { start } if address < start => {
                write!(
                    out,
                    "free of {address:#x}, {} bytes before the live block {start:#x}",
                    start - address
                )
            }
            BadFreeKind::Interior { start } => {
                write!(
                    out,
                    "free of {address:#x}, {} bytes inside the live block {start:#x}",
                    address - start
                )
            }
            BadFreeKind::InsideFreed { start } => {
                write!(out, "free of {address:#x} inside the block {start:#x}, which is free already")
            }
            BadFreeKind::WrongLayout { size_bytes, align_bytes } => write!(
                out,
                "free of {address:#x} with a wrong layout: it was allocated with {size_bytes} bytes, aligned to \
                 {align_bytes}"
            ),
            BadFreeKind::NeverAllocated => write!(out, "free of {address:#x}, which is no live block"),
        }
    }
}

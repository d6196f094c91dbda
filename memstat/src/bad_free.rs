//! Frees that were refused.

use core::alloc::Layout;

use crate::record::Record;

/// A free or reallocation of something that is no live block. It did no harm: the backend never saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFree {
    /// The address that was to be freed.
    pub address: usize,
    /// What is wrong with it.
    pub kind: BadFreeKind,
    /// The block that it is about, as it was allocated, as far as that is known.
    pub block: Option<Record>,
    /// The first free of a block that is free: stamp, CPU, task and call stack.
    pub free: Option<Record>,
    /// Whether the call stack of that free ends early: without guards only its innermost functions are kept.
    pub is_free_stack_cut: bool,
}

impl BadFree {
    /// What is wrong with an address, and no more.
    pub(crate) fn of_unknown(address: usize, kind: BadFreeKind) -> Self {
        Self { address, kind, block: None, free: None, is_free_stack_cut: false }
    }

    /// The free of a recorded block as one that it is not.
    pub(crate) fn wrong_layout(record: &Record) -> Self {
        let kind =
            BadFreeKind::WrongLayout { size_bytes: record.size_bytes(), align_bytes: record.align_bytes() };
        Self { block: Some(*record), ..Self::of_unknown(record.address(), kind) }
    }

    /// The reallocation of a block without a record as one that it cannot be; the backend knows it with this layout.
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
    /// The block is live, but was allocated with another layout. Of a block without a record the backend says what it
    /// has.
    WrongLayout {
        /// Bytes that were asked for when it was allocated, or that the backend gave.
        size_bytes: usize,
        /// The alignment that was asked for then, or that the backend knows.
        align_bytes: usize,
    },
    /// No block that is live starts there, and none that the backend remembers.
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

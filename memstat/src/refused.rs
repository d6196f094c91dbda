//! Operations that were refused because waiting for the tracker's lock would never have ended: a deadlock.
//!
//! The counters cannot count them: they stand behind that lock, and may be half changed.

use core::alloc::Layout;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

/// What was asked for from an interrupt that broke into the tracker, or from something that the tracker called. Nothing
/// was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockRefused {
    /// An allocation: it failed.
    Allocate(Layout),
    /// A free: the block stays live, if it is one.
    Free {
        /// Where the block starts.
        address: usize,
    },
    /// A new size: the block is as before.
    Reallocate {
        /// Where the block starts.
        address: usize,
        /// The bytes that it was to have.
        new_size_bytes: usize,
    },
}

impl fmt::Display for LockRefused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allocate(layout) => write!(
                out,
                "an allocation of {} bytes, aligned to {}, was refused",
                layout.size(),
                layout.align()
            ),
            Self::Free { address } => {
                write!(out, "the free of {address:#x} was refused, so that block stays live")
            }
            Self::Reallocate { address, new_size_bytes } => {
                write!(
                    out,
                    "{new_size_bytes} bytes for the block {address:#x} were refused, so it is as before"
                )
            }
        }
    }
}

/// How many operations were refused. They stand in no other counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockRefusals {
    /// Allocations.
    pub allocations: u64,
    /// Frees: so many blocks that nobody needs may still be live.
    pub frees: u64,
    /// Changes of a size.
    pub reallocations: u64,
}

/// The same, to be counted by whoever is refused.
#[derive(Debug)]
pub(crate) struct RefusedTallies {
    allocations: AtomicU64,
    frees: AtomicU64,
    reallocations: AtomicU64,
}

impl RefusedTallies {
    pub(crate) const fn new() -> Self {
        Self { allocations: AtomicU64::new(0), frees: AtomicU64::new(0), reallocations: AtomicU64::new(0) }
    }

    pub(crate) fn count(&self, refused: &LockRefused) {
        let count = match refused {
            LockRefused::Allocate(_) => &self.allocations,
            LockRefused::Free { .. } => &self.frees,
            LockRefused::Reallocate { .. } => &self.reallocations,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> LockRefusals {
        LockRefusals {
            allocations: self.allocations.load(Ordering::Relaxed),
            frees: self.frees.load(Ordering::Relaxed),
            reallocations: self.reallocations.load(Ordering::Relaxed),
        }
    }
}

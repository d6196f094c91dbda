//! Operations that were refused because waiting for the tracker's lock would never have ended: a deadlock.
//!
//! They have counters of their own: the others are protected by that lock, and may be half changed.

use core::alloc::Layout;
use core::fmt;

use portable_atomic::{AtomicU64, Ordering};

/// An operation that was refused: called from an interrupt handler that interrupted the tracker, or from a function that
/// the tracker called. It had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockRefused {
    /// An allocation: it failed.
    Allocate(Layout),
    /// A free: the block stays live, if it is one.
    Free {
        /// Where the block starts.
        address: usize,
    },
    /// A reallocation: the block is unchanged.
    Reallocate {
        /// Where the block starts.
        address: usize,
        /// The requested size.
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
                    "the reallocation of {address:#x} to {new_size_bytes} bytes was refused, so that block is unchanged"
                )
            }
        }
    }
}

/// How many operations were refused. They are in no other counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockRefusals {
    /// Allocations.
    pub allocations: u64,
    /// Frees; each may have left a block live that nobody needs.
    pub frees: u64,
    /// Reallocations.
    pub reallocations: u64,
}

/// The same as atomic counters, as the lock is not held.
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

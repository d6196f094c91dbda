//! The kinds of allocations that can be made to fail.

use crate::memory::failures::{self, Failures};

/// A kind of allocation.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// What one of them is called.
    pub(crate) name: &'static str,
    /// Its rule.
    pub(crate) failures: &'static Failures,
}

/// Blocks of the heap.
pub(crate) const BLOCKS: Kind = Kind { name: "block", failures: &failures::HEAP };
/// Pages.
pub(crate) const PAGES: Kind = Kind { name: "page", failures: &failures::PAGES };

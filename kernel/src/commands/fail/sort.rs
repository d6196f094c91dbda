//! The sorts of allocations that can be made to fail.

use crate::memory::failures::{self, Failures};

/// A sort of allocation.
#[derive(Clone, Copy)]
pub(crate) struct Sort {
    /// What one of them is called.
    pub(crate) name: &'static str,
    /// Its rule.
    pub(crate) failures: &'static Failures,
}

/// Blocks of the heap.
pub(crate) const BLOCKS: Sort = Sort { name: "block", failures: &failures::HEAP };
/// Pages.
pub(crate) const PAGES: Sort = Sort { name: "page", failures: &failures::PAGES };

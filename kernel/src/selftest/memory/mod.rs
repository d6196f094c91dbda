//! The tests of the heap in the running kernel, one file for each topic.

pub(super) mod accounting;
pub(super) mod contract;
pub(super) mod exhaustion;
pub(super) mod guards;
pub(super) mod kmalloc;
pub(super) mod pages;

use super::NO_MEMORY;

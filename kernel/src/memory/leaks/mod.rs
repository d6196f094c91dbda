//! Leak detection: growth since a mark, blocks and pages to which nothing refers, and what keeps the others alive.

pub(crate) mod marks;
pub(crate) mod page_scan;
pub(crate) mod page_usage;
pub(crate) mod references;
pub(crate) mod roots;

//! Leak detection: growth since a mark, and blocks to which nothing refers.

pub(crate) mod marks;
pub(crate) mod roots;

//! Looking for leaks: what came since a mark, and what nothing refers to any more.

pub(crate) mod marks;
pub(crate) mod roots;

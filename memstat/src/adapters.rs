//! Ready-made backends and platforms, so that a host has little to write.
//!
//! [`Over`] makes a backend of any `GlobalAlloc`.

mod over;

pub use over::Over;

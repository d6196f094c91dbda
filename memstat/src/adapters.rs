//! Ready-made backends and platforms, so that a host has little to write.
//!
//! [`Over`] makes a backend of any `GlobalAlloc`. `Bare` is the platform of a kernel, or of a program without an
//! operating system. [`Pages`] is memory for the tracker's arena.

#[cfg(feature = "critical-section")]
mod bare;
mod over;
mod pages;

#[cfg(feature = "critical-section")]
pub use bare::Bare;
pub use over::Over;
pub use pages::Pages;

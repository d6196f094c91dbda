//! The console: serial line and screen at once, either of which may be missing.

#[cfg(target_os = "none")]
mod device;
pub(crate) mod input;
pub(crate) mod screen;

#[cfg(target_os = "none")]
pub(crate) use device::{Emergency, flush, init, write, write_bytes, write_emergency};

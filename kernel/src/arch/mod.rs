//! The machine: every instruction, port and register of the kernel is below this folder.

#[cfg(target_os = "none")]
mod x86_64;

#[cfg(target_os = "none")]
pub(crate) use x86_64::*;

//! The machine: every instruction, port and register of the kernel is below this folder.

mod x86_64;

pub(crate) use x86_64::*;

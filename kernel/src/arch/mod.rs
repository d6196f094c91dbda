//! The machine: all code that depends on instructions, ports and registers is in this folder.

mod x86_64;

pub(crate) use x86_64::*;

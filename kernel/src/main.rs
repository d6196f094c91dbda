//! The Tally kernel.
//!
//! The boot story is in `kernel`. From there: `memory` for where bytes come from, `proc` for the files that
//! tell of them, `commands` for the shell, `arch` for the machine.
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(target_os = "none", no_main)]
// On the host only what needs no hardware is built, for its tests.
#![cfg_attr(not(target_os = "none"), expect(dead_code, reason = "the kernel that uses it is not built here"))]

extern crate alloc;

mod arch;
mod black_box;
#[cfg(target_os = "none")]
mod bug;
#[cfg(target_os = "none")]
mod commands;
mod config;
mod console;
mod control;
#[cfg(target_os = "none")]
mod crash;
#[cfg(target_os = "none")]
mod dev;
#[cfg(target_os = "none")]
mod kernel;
mod kmemleak;
mod load;
mod logger;
mod memory;
#[cfg(target_os = "none")]
mod proc;
#[cfg(target_os = "none")]
mod selftest;
#[cfg(target_os = "none")]
mod symbols;
mod sync;

#[cfg(not(target_os = "none"))]
fn main() {}

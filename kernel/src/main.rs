//! The Tally kernel: the boot story.
//!
//! Read on from here: `memory` for where bytes come from, `proc` for the files that tell of them, `arch` for
//! the machine.
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(target_os = "none", no_main)]
// On the host only what needs no hardware is built, for its tests.
#![cfg_attr(not(target_os = "none"), expect(dead_code, reason = "the kernel that uses it is not built here"))]

extern crate alloc;

mod arch;
mod console;
mod logger;
mod memory;
mod sync;

#[cfg(target_os = "none")]
mod kernel;

#[cfg(not(target_os = "none"))]
fn main() {}

//! The Tally kernel.
//!
//! The boot story is in `kernel`. From there: `memory` for where bytes come from, `proc` for the files that
//! tell of them, `commands` for the shell, `arch` for the machine.
#![no_std]
#![no_main]

extern crate alloc;

mod arch;
mod black_box;
mod bug;
mod calendar;
mod commands;
mod console;
mod crash;
mod dev;
mod kernel;
mod logger;
mod memory;
mod proc;
mod selftest;
mod symbols;
mod sync;

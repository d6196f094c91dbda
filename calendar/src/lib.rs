//! Points in time: as people read them, and as a PC's clock chip tells them. And how fast a CPU's counter runs.
//!
//! Everywhere else a point in time is a number of seconds since 1970. The calendar itself is the crate `time`'s; here
//! is what this system adds to it: [`Date`] for the shell, [`ClockRegisters`] for the kernel, which reads the chip.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod clock_chip;
mod counter_rate;
mod date;

pub use clock_chip::{ClockError, ClockRegisters, second_of};
pub use counter_rate::{RateRange, RateWatch, Reading, Watched, choose, corrected, most_plausible};
pub use date::Date;

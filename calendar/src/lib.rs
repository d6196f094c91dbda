//! Calendar dates as text and as the registers of a PC's real-time clock, and the rate of the CPU's time stamp counter.
//!
//! Everywhere else a point in time is a number of seconds since 1970. The calendar itself is the crate `time`; this crate
//! adds [`Date`] for the shell, and [`ClockRegisters`] for the kernel, which reads the chip.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod clock_chip;
mod counter_rate;
mod date;

pub use clock_chip::{ClockError, ClockRegisters, second_of};
pub use counter_rate::{RateRange, RateWatch, Reading, Watched, choose, corrected, most_plausible};
pub use date::Date;

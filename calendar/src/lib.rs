//! Points in time: as people read them, and as a PC's clock chip tells them.
//!
//! Everywhere else a point in time is a number of seconds since 1970. The calendar itself is the crate `time`'s; here
//! is what this system adds to it: [`Date`] for the shell, [`ClockRegisters`] for the kernel, which reads the chip.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::expect_used,
        clippy::unwrap_used,
        clippy::arithmetic_side_effects
    )
)]

mod clock_chip;
mod date;

pub use clock_chip::{ClockError, ClockRegisters};
pub use date::Date;

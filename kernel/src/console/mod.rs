//! The console: serial line and screen at once, either of which may be missing.
//!
//! Output goes through `write` (or [`print!`](crate::print) and [`println!`](crate::println)), that of panics and
//! exceptions through `Emergency`; input comes from interrupt handlers into [`input`]. The crate `terminal`
//! turns text into cells, independent of hardware; serial line and displays are in `arch`.

mod device;
mod emergency;
pub(crate) mod input;
mod wait;

pub(crate) use device::{Writer, ask_for_size, flush, init, write, write_bytes};
pub(crate) use emergency::{Emergency, write_emergency};
pub(crate) use wait::{on_wait, wait_for_byte, wait_for_key, wait_until};

/// Prints formatted text on the console.
#[macro_export]
macro_rules! print {
    ($($part:tt)*) => { $crate::console::write(format_args!($($part)*)) };
}

/// Prints formatted text on the console, and ends the line.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($part:tt)*) => { $crate::console::write(format_args!("{}\n", format_args!($($part)*))) };
}

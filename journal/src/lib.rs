//! The data formats of the log, of heap events, and of the black box's crash records.
//!
//! All of it is independent of the machine: the priority of a message, the ring that keeps messages ([`Ring`]), which of
//! them the console shows ([`ConsoleLevel`], [`Muted`]), the text of a heap event ([`EventLine`]), the crash record
//! ([`record`]) and where in memory it is kept ([`place`]). `kernel/src/logger` and `kernel/src/crash/black_box` use them.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod console_level;
mod event_line;
mod muted;
pub mod place;
mod priority;
pub mod record;
mod ring;
mod stamp;
mod written;

pub use console_level::ConsoleLevel;
pub use event_line::EventLine;
pub use muted::Muted;
pub use priority::{Priority, RecordText};
pub use ring::{CAPACITY, Entry, Ring};
pub use stamp::{Seconds, Stamp};
pub use written::{Lossy, messages};

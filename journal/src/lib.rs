//! What the kernel writes down: the log's messages, events of the heap, and the black box's records.
//!
//! The forms are here, without a machine: how urgent a message is, how it is cut and kept ([`Ring`]), which ones the
//! console shows ([`ConsoleLevel`]) and when it shows none ([`Muted`]), how a heap event reads ([`EventLine`]), what a
//! record of the last moments looks like in memory ([`record`]) and where it may lie ([`place`]). `kernel/src/logger`
//! and `kernel/src/crash/black_box` fill them.
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

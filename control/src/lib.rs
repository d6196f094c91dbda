//! The commands of the control files under `/proc`: their grammar and error messages.
//!
//! Only the parsing is here, which is the same on every machine and is tested on the host; `kernel/src/proc` carries the
//! commands out. One module per file.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod allocs;
pub mod faults;
pub mod kmemleak;
pub mod memstat;

//! What control files under `/proc` take: the grammar of each, and what it answers.
//!
//! Only the reading of lines is here, which is the same on every machine and is tested on the host; `kernel/src/proc`
//! does what they say. One module a file.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod faults;
pub mod kmemleak;
pub mod memstat;

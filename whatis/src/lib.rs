//! What an address is, as far as that needs no machine: how a person writes one, which part of the address space it lies
//! in, and where page tables lead.
//!
//! `kernel/src/memory/whatis` asks these, and then the heap, the frames and the files. It must answer for any number,
//! also for what a register held when the kernel crashed, so nothing here can panic, whatever address or table it is
//! given; the tests try ten million of them.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::expect_used))]

mod layout;
mod tables;
#[cfg(test)]
mod tests;
mod typed;

pub use layout::{Layout, Window};
pub use tables::{Hole, Mapping, TablePlace, Tables, find_page, find_table, translate};
pub use typed::{NotAnAddress, Typed};

//! Reads memstat's dumps, and writes them in the forms that other tools read.
//!
//! [`dump`] reads, [`profile`] names and sums up, [`output`] has a module for each form. The program `memstat-report`
//! is made of these; other programs may use them too.
#![forbid(unsafe_code)]

pub mod dump;
pub mod output;
pub mod profile;
pub mod symbols;

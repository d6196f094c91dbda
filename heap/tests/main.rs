//! The frames and the heaps on the host: each backend against its contract and against models.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;
mod contract;
mod frames;
mod guard_model;
mod maps;
mod model;
mod pages;

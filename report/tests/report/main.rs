//! The tests of memstat-report, as one program: each one would be linked with all of the crates.
//!
//! `round_trip` is about reading, `outputs` and `consumers` about the forms, `program` about options and exit statuses,
//! `large` about time and memory. `common` makes dumps.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;
mod consumers;
mod large;
mod outputs;
mod program;
mod round_trip;

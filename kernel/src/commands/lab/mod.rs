//! What the lab adds to the commands: the rows of its rooms, and subcommands of `leaks` and `fail`.
//!
//! A build without the feature `lab` has `no_lab.rs` in this file's place.

mod drill;
mod fill;
mod fuzz;
mod sweep;

use shell::Command;

/// Commands for a person who studies bugs, measures, and tests.
pub(super) static COMMANDS: &[Command] = &[
    crate::bench::command::COMMAND,
    crate::bugs::command::COMMAND,
    fuzz::COMMAND,
    crate::selftest::command::COMMAND,
];

/// Subcommands of `leaks`.
pub(super) static LEAKS: &[Command] = &[drill::DRILL];

/// Subcommands of `fail`.
pub(super) static FAIL: &[Command] = &[fill::FILL, fill::DRAIN, sweep::SWEEP];

/// Those of `fail`, for its usage.
macro_rules! fail_words {
    () => {
        "fill | drain | sweep [-c LINE] [-n COUNT] COMMAND... | "
    };
}
/// What they do, for its summary.
macro_rules! fail_summary {
    () => {
        ", or fill all memory"
    };
}
pub(super) use {fail_summary, fail_words};

//! A build without the lab: it adds nothing to the commands. With it, `lab/mod.rs` stands in this file's place.

use shell::Command;

/// No commands.
pub(super) static COMMANDS: &[Command] = &[];

/// No subcommands of `leaks`.
pub(super) static LEAKS: &[Command] = &[];

/// No subcommands of `fail`.
pub(super) static FAIL: &[Command] = &[];

/// None of `fail`, for its usage.
macro_rules! fail_words {
    () => {
        ""
    };
}
/// Nothing that they do, for its summary.
macro_rules! fail_summary {
    () => {
        ""
    };
}
pub(super) use {fail_summary, fail_words};

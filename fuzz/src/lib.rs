//! The fuzz targets: functions that take any bytes and must not panic, hang or miscount.
//!
//! `src/bin` hands these functions to libFuzzer, which keeps the inputs that reach code no earlier one reached; `make
//! fuzz` builds and runs that. A small choice of such inputs lies in `corpus/TARGET`, and `tests/replay.rs` feeds it to
//! the same functions on every `make test`, with no fuzzer. An input that failed goes there as well.

mod boot;
mod control;
mod names;
mod report;
mod shell;
mod tracker;

pub use boot::boot;
pub use control::control;
pub use names::names;
pub use report::report;
pub use shell::shell;
pub use tracker::tracker;

/// A target: its name, which is that of its folder in `corpus`, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 6] = [
    ("boot", boot),
    ("control", control),
    ("names", names),
    ("report", report),
    ("shell", shell),
    ("tracker", tracker),
];

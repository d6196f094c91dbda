//! `/proc/uptime`: seconds since the boot, and seconds that the CPU waited.

use core::fmt::{self, Write};

use vfs::Text;

use crate::arch::clock;

/// The file.
pub(super) struct Uptime;

impl Text for Uptime {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{} {}", Seconds(clock::uptime_ns()), Seconds(clock::idle_ns()))
    }
}

/// Nanoseconds as seconds with two decimals.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:02}", self.0 / 1_000_000_000, self.0 / 10_000_000 % 100)
    }
}

//! `/proc/loadavg`: how much the CPU had to do in the last 1, 5 and 15 minutes, as Linux shows it.
//!
//! Behind the averages: threads that run, all threads, the last one's number. Source: Linux, fs/proc/loadavg.c.

use core::fmt::{self, Write};

use vfs::Text;

use crate::arch::clock;

/// The file.
pub(super) struct LoadAverages;

impl Text for LoadAverages {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{} 1/1 1", clock::load_average())
    }
}

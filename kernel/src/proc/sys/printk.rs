//! `/proc/sys/kernel/printk`: how urgent a message must be to go to the console, in Linux's format.
//!
//! Four numbers: the level that messages on the console stay below, the level of messages that name none, the lowest
//! and the usual value of the first. Source: Linux, Documentation/admin-guide/sysctl/kernel.rst.

use core::fmt::{self, Write};

use vfs::{Control, Errno, Result, Text};

use crate::logger::CONSOLE_LEVEL;

/// The file.
pub(super) struct Printk;

impl Text for Printk {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let [console, message, lowest, usual] = CONSOLE_LEVEL.all();
        writeln!(out, "{console}\t{message}\t{lowest}\t{usual}")
    }
}

impl Control for Printk {
    fn command(&self, line: &str) -> Result<()> {
        CONSOLE_LEVEL.set_from(line).ok_or_else(|| {
            log::warn!("printk: '{line}' is no console level; 1 to 8 is");
            Errno::EINVAL
        })
    }
}

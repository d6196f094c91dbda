//! `/proc/cmdline`: the kernel's command line, as Linux shows it.

use core::fmt::{self, Write};

use vfs::Text;

/// The file.
pub(super) struct CommandLine;

impl Text for CommandLine {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", crate::boot_info::facts().command_line)
    }
}

//! `/proc/version`: what kernel this is.

use core::fmt::{self, Write};

use vfs::Text;

/// The file.
pub(super) struct Version;

impl Text for Version {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "Tally version {} (x86_64)", env!("CARGO_PKG_VERSION"))
    }
}

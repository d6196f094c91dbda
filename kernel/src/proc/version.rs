//! `/proc/version`: what kernel this is, as Linux shows it.
//!
//! Where Linux names the person and the computer that built it, two fixed words stand: the same sources make the
//! same kernel. Source: Linux, init/version.c for the format.

use core::fmt::{self, Write};

use vfs::Text;

/// Which build this is. Builds are not numbered.
pub(super) const BUILD: &str = if cfg!(debug_assertions) { "#0 debug" } else { "#0 release" };

/// The file.
pub(super) struct Version;

impl Text for Version {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let (version, compiler) = (env!("CARGO_PKG_VERSION"), env!("RUSTC_VERSION"));
        writeln!(out, "Tally version {version} (tally@localhost) ({compiler}) {BUILD}")
    }
}

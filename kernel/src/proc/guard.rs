//! `/proc/guard`: what the heap's guards do, and what they have found. In the style of Linux's kfence/stats.

use core::fmt::{self, Write};

use vfs::Text;

use crate::memory::heap::tracker;

/// The file.
pub(crate) struct GuardFile;

impl Text for GuardFile {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let now = tracker().guard_statistics();
        writeln!(out, "level: {}", tracker().guard())?;
        for (name, value) in [
            ("guarded blocks", now.guarded_blocks),
            ("remembered frees", now.remembered_frees),
            ("quarantine blocks", now.held_blocks),
            ("quarantine bytes", now.held_bytes),
            ("checks", now.checks),
            ("overruns", now.overruns),
            ("underruns", now.underruns),
            ("writes after free", now.writes_after_free),
            ("double frees", now.double_frees),
            ("interior frees", now.interior_frees),
            ("wrong layouts", now.wrong_layouts),
            ("unknown frees", now.unknown_frees),
        ] {
            writeln!(out, "{name}: {value}")?;
        }
        Ok(())
    }
}

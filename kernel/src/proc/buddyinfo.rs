//! `/proc/buddyinfo`: free blocks of pages by order, as Linux shows them. All memory is one zone.
//!
//! Source: Linux, Documentation/filesystems/proc.rst, and mm/vmstat.c for the format.

use core::fmt::{self, Write};

use vfs::Text;

use crate::memory::free_blocks;

/// The file.
pub(super) struct BuddyInfo;

impl Text for BuddyInfo {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        write!(out, "Node 0, zone {:>8} ", "Normal")?;
        for blocks in free_blocks() {
            write!(out, "{blocks:6} ")?;
        }
        writeln!(out)
    }
}

//! `/proc/1`: the kernel's one thread, as Linux shows a thread of the kernel.
//!
//! It has no memory of its own, no signals and no parent: those figures are 0, or their lines absent, as in Linux for
//! its own threads.

mod stat;
mod status;

use core::fmt::{self, Write};

use vfs::{Content, Node, Text};

use super::mounts::MountTable;

/// The thread's name.
pub(super) const NAME: &str = "tally";
/// Its number.
pub(super) const PID: u32 = 1;

/// The files of the directory.
pub(super) static NODES: &[Node] = &[
    Node { name: "cmdline", content: Content::Text(&CommandLine) },
    Node { name: "comm", content: Content::Text(&Comm) },
    Node { name: "mounts", content: Content::Text(&MountTable) },
    Node { name: "stat", content: Content::Text(&stat::ThreadStat) },
    Node { name: "statm", content: Content::Text(&MemoryPages) },
    Node { name: "status", content: Content::Text(&status::Status) },
];

/// `cmdline`: a program's arguments. There is no program.
struct CommandLine;

impl Text for CommandLine {
    fn render(&self, _: &mut dyn Write) -> fmt::Result {
        Ok(())
    }
}

/// `comm`: the name.
struct Comm;

impl Text for Comm {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{NAME}")
    }
}

/// `statm`: pages of a program's memory. There is no program.
struct MemoryPages;

impl Text for MemoryPages {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "0 0 0 0 0 0 0")
    }
}

//! `/proc/sys`: what can be set, and what the kernel calls itself, at Linux's places.

mod printk;

use core::fmt::{self, Write};

use vfs::{Content, Node, Text};

/// The files of the directory.
pub(super) static NODES: [Node; 1] = [Node { name: "kernel", content: Content::Directory(&KERNEL) }];

static KERNEL: [Node; 4] = [
    Node { name: "osrelease", content: Content::Text(&Line(env!("CARGO_PKG_VERSION"))) },
    Node { name: "ostype", content: Content::Text(&Line("Tally")) },
    Node { name: "printk", content: Content::Control(&printk::Printk) },
    Node { name: "version", content: Content::Text(&Line(BUILD)) },
];

/// Which build this is. Builds are not numbered.
const BUILD: &str = if cfg!(debug_assertions) { "#0 debug" } else { "#0 release" };

/// A file of one line.
struct Line(&'static str);

impl Text for Line {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", self.0)
    }
}

//! `/proc/sys`: what can be set, and what the kernel calls itself, at Linux's places.

mod printk;

use core::fmt::{self, Write};

use vfs::{Content, Node, Text};

use super::version::BUILD;

/// The files of the directory.
pub(super) static NODES: &[Node] = &[Node { name: "kernel", content: Content::Directory(KERNEL) }];

static KERNEL: &[Node] = &[
    Node { name: "osrelease", content: Content::Text(&Line(env!("CARGO_PKG_VERSION"))) },
    Node { name: "ostype", content: Content::Text(&Line("Tally")) },
    Node { name: "printk", content: Content::Control(&printk::Printk) },
    Node { name: "version", content: Content::Text(&Line(BUILD)) },
];

/// A file of one line.
struct Line(&'static str);

impl Text for Line {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", self.0)
    }
}

//! The devices under `/dev`: one short source file each.

mod console;
mod kmsg;
mod memory;
mod serial;

use vfs::{Content, GeneratedFs, Node};

use crate::arch::clock;

static NODES: &[Node] = &[
    Node { name: "console", content: Content::Device(&console::Console) },
    Node { name: "full", content: Content::Device(&memory::Full) },
    Node { name: "kmsg", content: Content::Device(&kmsg::KernelMessages) },
    Node { name: "null", content: Content::Device(&memory::Null) },
    Node { name: "ttyS1", content: Content::Device(&serial::DataLine) },
    Node { name: "zero", content: Content::Device(&memory::Zero) },
];

/// The file system of these devices.
pub(crate) static DEV: GeneratedFs = GeneratedFs::new("devtmpfs", NODES, clock::now_ns);

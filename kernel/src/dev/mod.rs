//! The devices under `/dev`: one short source file each.

mod console;
mod kmsg;
mod memory;
mod serial;
mod virtio;

use vfs::{Content, GeneratedFs, Node};

use crate::arch::{clock, virtio_console};

/// Those that each machine has, and last the one that only a machine with a virtio console has.
static NODES: [Node; 7] = [
    Node { name: "console", content: Content::Device(&console::Console) },
    Node { name: "full", content: Content::Device(&memory::Full) },
    Node { name: "kmsg", content: Content::Device(&kmsg::KernelMessages) },
    Node { name: "null", content: Content::Device(&memory::Null) },
    Node { name: "ttyS1", content: Content::Device(&serial::DataLine) },
    Node { name: "zero", content: Content::Device(&memory::Zero) },
    Node { name: "hvc0", content: Content::Device(&virtio::VirtioConsole) },
];

/// All of them but the last.
static COMMON: &[Node] = NODES.split_at(NODES.len() - 1).0;

static DEV: GeneratedFs = GeneratedFs::new("devtmpfs", COMMON, clock::now_ns);
static DEV_WITH_VIRTIO: GeneratedFs = GeneratedFs::new("devtmpfs", &NODES, clock::now_ns);

/// The file system of this machine's devices.
pub(crate) fn file_system() -> &'static GeneratedFs {
    if virtio_console::is_present() { &DEV_WITH_VIRTIO } else { &DEV }
}

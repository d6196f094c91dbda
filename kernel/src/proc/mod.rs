//! The files under `/proc`: one short source file each. The only place where memstat meets the VFS.
//!
//! Each file's format is written down in `docs/proc.md`.

mod allocs;
mod buddyinfo;
mod cmdline;
pub(crate) mod guard;
mod iomem;
mod meminfo;
mod mounts;
mod slabinfo;
mod uptime;
mod version;

use vfs::{Content, GeneratedFs, Node};

use crate::arch::clock;

static NODES: [Node; 10] = [
    Node { name: "allocs", content: Content::Table(&allocs::Allocs) },
    Node { name: "buddyinfo", content: Content::Text(&buddyinfo::BuddyInfo) },
    Node { name: "cmdline", content: Content::Text(&cmdline::CommandLine) },
    Node { name: "guard", content: Content::Text(&guard::GuardFile) },
    Node { name: "iomem", content: Content::Text(&iomem::IoMem) },
    Node { name: "meminfo", content: Content::Text(&meminfo::MemInfo) },
    Node { name: "mounts", content: Content::Text(&mounts::MountTable) },
    Node { name: "slabinfo", content: Content::Text(&slabinfo::SlabInfo) },
    Node { name: "uptime", content: Content::Text(&uptime::Uptime) },
    Node { name: "version", content: Content::Text(&version::Version) },
];

/// The file system of these files.
pub(crate) static PROC: GeneratedFs = GeneratedFs::new("proc", &NODES, clock::now_ns);

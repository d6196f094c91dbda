//! The files under `/proc`: one short source file each. The only place where memstat meets the VFS.
//!
//! Each file's format is written down in `docs/proc.md`.

mod allocs;
mod buddyinfo;
mod cmdline;
mod fail_alloc;
mod iomem;
mod meminfo;
mod mounts;
mod slabinfo;
mod uptime;
mod version;

use vfs::{Content, GeneratedFs, Node};

use crate::arch::clock;

static NODES: [Node; 11] = [
    Node { name: "allocs", content: Content::Table(&allocs::Allocs) },
    Node { name: "buddyinfo", content: Content::Text(&buddyinfo::BuddyInfo) },
    Node { name: "cmdline", content: Content::Text(&cmdline::CommandLine) },
    Node { name: "fail_alloc", content: Content::Control(&fail_alloc::HEAP) },
    Node { name: "fail_page_alloc", content: Content::Control(&fail_alloc::PAGES) },
    Node { name: "iomem", content: Content::Text(&iomem::IoMem) },
    Node { name: "meminfo", content: Content::Text(&meminfo::MemInfo) },
    Node { name: "mounts", content: Content::Text(&mounts::MountTable) },
    Node { name: "slabinfo", content: Content::Text(&slabinfo::SlabInfo) },
    Node { name: "uptime", content: Content::Text(&uptime::Uptime) },
    Node { name: "version", content: Content::Text(&version::Version) },
];

/// The file system of these files.
pub(crate) static PROC: GeneratedFs = GeneratedFs::new("proc", &NODES, clock::now_ns);

//! The files under `/proc`: one short source file each. The only place where memstat meets the VFS.
//!
//! Each file's format is written down in `docs/proc.md`.

mod alloc_histogram;
mod alloc_history;
mod allocinfo;
mod allocs;
mod allocs_by_stack;
mod balance;
mod buddyinfo;
mod cmdline;
mod cpuinfo;
mod fail_alloc;
mod filesystems;
pub(crate) mod guard;
mod interrupts;
mod iomem;
mod kmemleak;
mod kmsg;
mod last_boot;
mod loadavg;
mod meminfo;
mod memstat;
mod memstat_control;
mod mounts;
mod page_owner;
mod pages;
mod process;
mod slabinfo;
mod stat;
mod sys;
mod uptime;
mod version;
mod vmallocinfo;
mod vmstat;

use vfs::{Content, GeneratedFs, Node};

use crate::arch::clock;
use crate::memory::ledger::Ledger;

static NODES: &[Node] = &[
    Node { name: "1", content: Content::Directory(process::NODES) },
    Node { name: "alloc_histogram", content: Content::Text(&alloc_histogram::AllocHistogram) },
    Node { name: "alloc_history", content: Content::Table(&alloc_history::AllocHistory(Ledger::Blocks)) },
    Node { name: "allocinfo", content: Content::Table(&allocinfo::AllocInfo) },
    Node { name: "allocs", content: Content::Table(&allocs::Allocs) },
    Node {
        name: "allocs_by_stack",
        content: Content::Table(&allocs_by_stack::AllocsByStack(Ledger::Blocks)),
    },
    Node { name: "balance", content: Content::Text(&balance::BalanceFile) },
    Node { name: "buddyinfo", content: Content::Text(&buddyinfo::BuddyInfo) },
    Node { name: "cmdline", content: Content::Text(&cmdline::CommandLine) },
    Node { name: "cpuinfo", content: Content::Text(&cpuinfo::CpuInfo) },
    Node { name: "fail_alloc", content: Content::Control(&fail_alloc::HEAP) },
    Node { name: "fail_page_alloc", content: Content::Control(&fail_alloc::PAGES) },
    Node { name: "filesystems", content: Content::Text(&filesystems::FileSystems) },
    Node { name: "guard", content: Content::Control(&guard::GuardFile) },
    Node { name: "interrupts", content: Content::Text(&interrupts::Interrupts) },
    Node { name: "iomem", content: Content::Text(&iomem::IoMem) },
    Node { name: "kmemleak", content: Content::ControlTable(&kmemleak::KmemLeak) },
    Node { name: "kmsg", content: Content::Table(&kmsg::KernelMessages) },
    Node { name: "last_boot", content: Content::Text(&last_boot::LastBoot) },
    Node { name: "loadavg", content: Content::Text(&loadavg::LoadAverages) },
    Node { name: "meminfo", content: Content::Text(&meminfo::MemInfo) },
    Node { name: "memstat", content: Content::Text(&memstat::MemStat) },
    Node { name: "memstat_control", content: Content::Control(&memstat_control::MemstatControl) },
    Node { name: "mounts", content: Content::Link("self/mounts") },
    Node { name: "page_history", content: Content::Table(&alloc_history::AllocHistory(Ledger::Pages)) },
    Node { name: "page_owner", content: Content::Table(&page_owner::PageOwnerFile) },
    Node { name: "pages", content: Content::Table(&pages::Pages) },
    Node { name: "pages_by_stack", content: Content::Table(&allocs_by_stack::AllocsByStack(Ledger::Pages)) },
    Node { name: "self", content: Content::Link("1") },
    Node { name: "slabinfo", content: Content::Text(&slabinfo::SlabInfo) },
    Node { name: "stat", content: Content::Text(&stat::Stat) },
    Node { name: "sys", content: Content::Directory(sys::NODES) },
    Node { name: "uptime", content: Content::Text(&uptime::Uptime) },
    Node { name: "version", content: Content::Text(&version::Version) },
    Node { name: "vmallocinfo", content: Content::Text(&vmallocinfo::VmallocInfo) },
    Node { name: "vmstat", content: Content::Text(&vmstat::VmStat) },
];

/// The file system of these files.
pub(crate) static PROC: GeneratedFs = GeneratedFs::new("proc", NODES, clock::now_ns);

//! `/proc/meminfo`: where memory is, in Linux's format.
//!
//! `MemTotal` is what the frames manage; it is `MemFree` and what files, the heap, the arena, the buffers, the page
//! tables, the index of names, the black box, sampled blocks and drivers have taken. Fields for what this kernel does not have
//! are 0, as in a Linux without it. Source: Linux, Documentation/filesystems/proc.rst, and fs/proc/meminfo.c for the
//! format.

use core::fmt::{self, Write};

use memstat::Record;
use tally_heap::PAGE_BYTES;
use vfs::Text;

use crate::arch::paging;
use crate::memory::heap::tracker;
use crate::memory::{Purpose, free_pages, pages_for, total_pages};

const KIB: &str = " kB";
const COUNT: &str = "";

/// The file.
pub(super) struct MemInfo;

/// Pages by what they are taken for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pages {
    pub(super) total: usize,
    pub(super) free: usize,
    /// Of files in memory.
    pub(super) files: usize,
    /// Of the heap: shared by small blocks.
    pub(super) slab: usize,
    /// Of the heap: runs of their own.
    pub(super) large: usize,
    pub(super) arena: usize,
    pub(super) buffers: usize,
    pub(super) page_tables: usize,
    /// Of the names of functions.
    pub(super) names: usize,
    /// Of what outlives a restart.
    pub(super) persistent: usize,
    /// Of sampled blocks.
    pub(super) sampled: usize,
    pub(super) drivers: usize,
}

impl Pages {
    /// As they are now.
    pub(super) fn now() -> Self {
        let heap = tracker().with_backend(|backend| (backend.shared_pages(), backend.large_pages()));
        let (slab, large) = heap.unwrap_or_default();
        Self {
            total: total_pages(),
            free: free_pages(),
            files: pages_for(Purpose::Files),
            slab,
            large,
            arena: pages_for(Purpose::Arena),
            buffers: pages_for(Purpose::Buffers),
            page_tables: pages_for(Purpose::PageTables),
            names: pages_for(Purpose::Names),
            persistent: pages_for(Purpose::Persistent),
            sampled: pages_for(Purpose::GuardPages),
            drivers: pages_for(Purpose::Drivers),
        }
    }
}

impl Text for MemInfo {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let pages = Pages::now();
        let kib = |pages: usize| pages * (PAGE_BYTES / 1024);
        let (free, files, slab) = (kib(pages.free), kib(pages.files), kib(pages.slab));
        let [small, large, huge] = paging::direct_map_bytes().map(|bytes| bytes as usize / 1024);
        let records_bytes = tracker().blocks().count() * size_of::<Record>();
        for (name, value, unit) in [
            ("MemTotal", kib(pages.total), KIB),
            ("MemFree", free, KIB),
            ("MemAvailable", free, KIB),
            ("Buffers", 0, KIB),
            ("Cached", files, KIB),
            ("SwapCached", 0, KIB),
            ("Active", 0, KIB),
            ("Inactive", files, KIB),
            ("Active(anon)", 0, KIB),
            ("Inactive(anon)", files, KIB),
            ("Active(file)", 0, KIB),
            ("Inactive(file)", 0, KIB),
            ("Unevictable", 0, KIB),
            ("Mlocked", 0, KIB),
            ("SwapTotal", 0, KIB),
            ("SwapFree", 0, KIB),
            ("Dirty", 0, KIB),
            ("Writeback", 0, KIB),
            ("AnonPages", 0, KIB),
            ("Mapped", 0, KIB),
            ("Shmem", files, KIB),
            ("KReclaimable", 0, KIB),
            ("Slab", slab, KIB),
            ("SReclaimable", 0, KIB),
            ("SUnreclaim", slab, KIB),
            // The stacks lie in the image, which is no part of MemTotal.
            ("KernelStack", 0, KIB),
            ("PageTables", kib(pages.page_tables), KIB),
            ("SecPageTables", 0, KIB),
            ("NFS_Unstable", 0, KIB),
            ("Bounce", 0, KIB),
            ("WritebackTmp", 0, KIB),
            ("CommitLimit", 0, KIB),
            ("Committed_AS", 0, KIB),
            ("VmallocTotal", paging::DEVICE_WINDOW_BYTES / 1024, KIB),
            ("VmallocUsed", 0, KIB),
            ("VmallocChunk", 0, KIB),
            ("Percpu", 0, KIB),
            ("HardwareCorrupted", 0, KIB),
            ("AnonHugePages", 0, KIB),
            ("ShmemHugePages", 0, KIB),
            ("ShmemPmdMapped", 0, KIB),
            ("FileHugePages", 0, KIB),
            ("FilePmdMapped", 0, KIB),
            ("HugePages_Total", 0, COUNT),
            ("HugePages_Free", 0, COUNT),
            ("HugePages_Rsvd", 0, COUNT),
            ("HugePages_Surp", 0, COUNT),
            ("Hugepagesize", 2048, KIB),
            ("Hugetlb", 0, KIB),
            ("DirectMap4k", small, KIB),
            ("DirectMap2M", large, KIB),
            ("DirectMap1G", huge, KIB),
            ("HeapLarge", kib(pages.large), KIB),
            ("FileBuffers", kib(pages.buffers), KIB),
            ("SymbolIndex", kib(pages.names), KIB),
            ("BlackBox", kib(pages.persistent), KIB),
            ("GuardPages", kib(pages.sampled), KIB),
            ("DriverPages", kib(pages.drivers), KIB),
            ("MemstatArena", kib(pages.arena), KIB),
            ("MemstatRecords", records_bytes.div_ceil(1024), KIB),
            ("MemstatUntracked", tracker().counters().live_untracked as usize, COUNT),
        ] {
            // The name with its colon and blanks takes 16 columns or more, and the number ends at the 24th. A long
            // number takes more, but a blank always stands before it.
            let label_columns = (name.len() + 2).max(16);
            let (padding, columns) = (label_columns - name.len(), 24 - label_columns);
            writeln!(out, "{name}{:<padding$}{value:>columns$}{unit}", ":")?;
        }
        Ok(())
    }
}

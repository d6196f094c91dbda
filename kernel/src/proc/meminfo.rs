//! `/proc/meminfo`: where memory is, in Linux's format.
//!
//! `MemTotal` is what the frames manage; it is `MemFree` and what the heap, the arena, the buffers, the
//! page tables and the index of names have taken. Fields for what this kernel does not have are 0, as in a Linux without it.
//! Source: Linux, Documentation/filesystems/proc.rst, and fs/proc/meminfo.c for the format.

use core::fmt::{self, Write};

use vfs::Text;

use crate::memory::frames::PAGE_BYTES;
use crate::memory::heap::tracker;
use crate::memory::{Purpose, free_pages, pages_for, total_pages};

/// The file.
pub(super) struct MemInfo;

impl Text for MemInfo {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let free = free_pages();
        let arena = pages_for(Purpose::Arena);
        let heap = tracker().with_backend(|backend| (backend.shared_pages(), backend.large_pages()));
        let (slab, large) = heap.unwrap_or_default();
        for (name, pages) in [
            ("MemTotal", total_pages()),
            ("MemFree", free),
            ("MemAvailable", free),
            ("Buffers", 0),
            ("Cached", 0),
            ("SwapCached", 0),
            ("Active", 0),
            ("Inactive", 0),
            ("SwapTotal", 0),
            ("SwapFree", 0),
            ("Dirty", 0),
            ("Writeback", 0),
            ("AnonPages", 0),
            ("Mapped", 0),
            ("Shmem", 0),
            ("KReclaimable", 0),
            ("Slab", slab),
            ("SReclaimable", 0),
            ("SUnreclaim", slab),
            ("KernelStack", 0),
            ("PageTables", pages_for(Purpose::PageTables)),
            ("Bounce", 0),
            ("CommitLimit", 0),
            ("Committed_AS", 0),
            ("VmallocTotal", 0),
            ("VmallocUsed", 0),
            ("VmallocChunk", 0),
            ("Percpu", 0),
            ("HeapLarge", large),
            ("FileBuffers", pages_for(Purpose::Buffers)),
            ("MemstatArena", arena),
            ("SymbolIndex", pages_for(Purpose::Names)),
        ] {
            let kib = pages * (PAGE_BYTES / 1024);
            // The label with its colon takes 16 columns, the number 8.
            writeln!(out, "{:<16}{kib:>8} kB", Label(name))?;
        }
        Ok(())
    }
}

/// A name with its colon, padded as one.
struct Label(&'static str);

impl fmt::Display for Label {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = out.width().unwrap_or(0).saturating_sub(self.0.len());
        write!(out, "{}{:<width$}", self.0, ":")
    }
}

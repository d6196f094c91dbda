//! `/proc/vmstat`: pages by what they are for, and how many came and went, as Linux names them.
//!
//! Of Linux's lines those that mean something here, in its order. Source: Linux, mm/vmstat.c.

use core::fmt::{self, Write};

use vfs::Text;

use super::meminfo::Pages;
use crate::memory::page_traffic;

/// The file.
pub(super) struct VmStat;

impl Text for VmStat {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let (taken, given) = page_traffic();
        let pages = Pages::now();
        for (name, count) in [
            ("nr_free_pages", pages.free),
            ("nr_inactive_anon", pages.files),
            ("nr_active_anon", 0),
            ("nr_inactive_file", 0),
            ("nr_active_file", 0),
            ("nr_slab_reclaimable", 0),
            ("nr_slab_unreclaimable", pages.slab),
            ("nr_anon_pages", 0),
            ("nr_mapped", 0),
            ("nr_file_pages", pages.files),
            ("nr_dirty", 0),
            ("nr_writeback", 0),
            ("nr_shmem", pages.files),
            // They lie in the image.
            ("nr_kernel_stack", 0),
            ("nr_page_table_pages", pages.page_tables),
            ("pgpgin", 0),
            ("pgpgout", 0),
            ("pswpin", 0),
            ("pswpout", 0),
            ("pgalloc_normal", taken),
            ("pgfree", given),
            ("pgfault", 0),
            ("pgmajfault", 0),
        ] {
            writeln!(out, "{name} {count}")?;
        }
        Ok(())
    }
}

//! `/proc/memstat`: what the tracker counts, where its own memory is, and whether all of it agrees right now.

use core::fmt::{self, Write};

use memstat::{Consistency, Platform, report};
use vfs::Text;

use crate::memory::heap::{backend_name, tracker};
use crate::memory::page_owners::PagesCheck;
use crate::memory::page_tracker::page_tracker;

/// The file.
pub(super) struct MemStat;

impl Text for MemStat {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let to_ns = |stamp| tracker().platform().stamp_to_ns(stamp);
        let heap = backend_name();
        let (counters, arena) = (tracker().counters(), tracker().statistics().arena());
        writeln!(out, "memstat - version: 1.0")?;
        report::write_summary(
            heap,
            tracker().level(),
            &counters,
            &tracker().statistics().since(),
            to_ns,
            out,
        )?;
        let refused = tracker().statistics().lock_refusals();
        writeln!(
            out,
            "refused: {} allocations, {} frees, {} reallocations",
            refused.allocations, refused.frees, refused.reallocations
        )?;
        writeln!(
            out,
            "history: {}, {} events written",
            if tracker().history().is_on() { "on" } else { "off" },
            tracker().history().written()
        )?;
        let [records, stacks] = [tracker().blocks().count(), tracker().stacks().count().into()];
        writeln!(out, "tracker: {records} records, {stacks} call stacks")?;
        writeln!(
            out,
            "arena: {} bytes held, {} used, {} used at most, {} of them in .bss",
            arena.held_bytes, arena.used_bytes, arena.peak_used_bytes, arena.first_bytes
        )?;
        write_pages(out)?;
        match (tracker().check_consistency(), PagesCheck::now()) {
            (Consistency::Holds, pages) => writeln!(out, "consistent: {pages}"),
            (blocks, _) => writeln!(out, "consistent: {blocks}"),
        }
    }
}

/// What the tracker of pages counts.
fn write_pages(out: &mut dyn Write) -> fmt::Result {
    let (counters, arena) = (page_tracker().counters(), page_tracker().statistics().arena());
    writeln!(
        out,
        "pages: level {}, {} runs, {} bytes, {} runs not recorded, {} allocations, {} frees, {} bad frees",
        page_tracker().level(),
        counters.live_blocks,
        counters.taken_bytes,
        counters.live_untracked,
        counters.allocations,
        counters.frees,
        counters.bad_frees
    )?;
    writeln!(
        out,
        "page tracker: {} records, {} call stacks, {} bytes held, {} used at most",
        page_tracker().blocks().count(),
        page_tracker().stacks().count(),
        arena.held_bytes,
        arena.peak_used_bytes
    )
}

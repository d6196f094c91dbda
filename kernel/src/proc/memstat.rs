//! `/proc/memstat`: what the tracker counts, where its own memory is, and whether all of it agrees right now.

use core::fmt::{self, Write};

use memstat::{Backend, Platform, report};
use vfs::Text;

use crate::memory::heap::tracker;

/// The file.
pub(super) struct MemStat;

impl Text for MemStat {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let to_ns = |stamp| tracker().platform().stamp_to_ns(stamp);
        let heap = tracker().with_backend(Backend::name).unwrap_or("none");
        let (counters, arena) = (tracker().counters(), tracker().arena_statistics());
        writeln!(out, "memstat - version: 1.0")?;
        report::write_summary(heap, tracker().level(), &counters, &tracker().since(), to_ns, out)?;
        let refused = tracker().refused();
        writeln!(
            out,
            "refused: {} allocations, {} frees, {} reallocations",
            refused.allocations, refused.frees, refused.reallocations
        )?;
        writeln!(
            out,
            "history: {}, {} events written",
            if tracker().keeps_history() { "on" } else { "off" },
            tracker().history_end()
        )?;
        let [records, stacks] = [tracker().record_count(), tracker().stack_count().into()];
        writeln!(out, "tracker: {records} records, {stacks} call stacks")?;
        writeln!(
            out,
            "arena: {} bytes held, {} used, {} used at most, {} of them in .bss",
            arena.held_bytes, arena.used_bytes, arena.peak_used_bytes, arena.first_bytes
        )?;
        writeln!(out, "consistent: {}", tracker().consistency())
    }
}

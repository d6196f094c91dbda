//! `/proc/memstat`: what the tracker counts, where its own memory is, and whether all of it agrees right now.

use core::fmt::{self, Write};

use memstat::{Platform, report};
use vfs::Text;

use crate::memory::heap::{backend_name, tracker};

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
        writeln!(out, "consistent: {}", tracker().check_consistency())
    }
}

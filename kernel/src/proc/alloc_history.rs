//! `/proc/alloc_history`: the last events of the heap, an event a line; and `/proc/page_history`: those of pages.
//!
//! Events that were overwritten or cleared are not there any more; a line of its own says how many.

use core::fmt::{self, Write};

use memstat::{Event, Platform, report};
use vfs::Table;

use crate::memory::heap::tracker;
use crate::memory::ledger::Ledger;

/// Events read under the tracker's lock at once: they are copied to the stack.
const EVENTS_AT_ONCE: usize = 64;

/// The file.
pub(super) struct AllocHistory(pub(super) Ledger);

impl Table for AllocHistory {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        let name = if self.0 == Ledger::Blocks { "alloc_history" } else { "page_history" };
        writeln!(out, "{name} - version: 1.0")?;
        report::write_events_header(out)
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        let mut events = [Event::EMPTY; EVENTS_AT_ONCE];
        let part = self.0.read_history(cursor, &mut events);
        if part.lost > 0 {
            writeln!(out, "# lost: {} events", part.lost)?;
        }
        for event in events.iter().take(part.count) {
            let time_ns = tracker().platform().stamp_to_ns(event.record().stamp());
            report::write_event(event, time_ns, out)?;
        }
        Ok((part.count == EVENTS_AT_ONCE).then_some(part.next))
    }
}

//! What one of these commands changed: the heap's figures before and after it.

use memstat::{Counters, Level};
use shell::Session;

use crate::memory::heap::tracker;
use crate::memory::{Purpose, pages_for};

/// The figures that these commands change.
pub(super) struct Figures {
    counters: Counters,
    heap_pages: usize,
}

impl Figures {
    /// Those of now.
    pub(super) fn now() -> Self {
        Self { counters: tracker().counters(), heap_pages: pages_for(Purpose::Heap) }
    }

    /// Bytes that live blocks take from memory, red zones and rounding included.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.counters.taken_bytes
    }

    /// Writes how the figures have changed since then, in one line.
    pub(super) fn show_change(&self, session: &mut Session) {
        let Self { counters: before, heap_pages } = self;
        let Self { counters: after, heap_pages: heap_pages_after } = &Self::now();
        if tracker().level() == Level::Off {
            return session
                .print(format_args!("level is off: nothing is counted; type memstat level stacks\n"));
        }
        session.print(format_args!(
            "live: {} -> {} blocks, {} -> {} bytes, {} -> {} taken; heap: {heap_pages} -> {heap_pages_after} pages\n",
            before.live_blocks,
            after.live_blocks,
            before.live_bytes,
            after.live_bytes,
            before.taken_bytes,
            after.taken_bytes
        ));
    }
}

//! `/proc/allocs_by_stack`: what is live under each call stack, with the stack's frames; and `/proc/pages_by_stack`: what
//! runs of pages are.

use core::fmt::{self, Write};

use memstat::Counters;
use spin::Mutex;
use vfs::Table;

use crate::memory::heap::tracker;
use crate::memory::ledger::Ledger;
use crate::symbols::write_stack;

/// Call stacks whose blocks are added up at once, as that reads the records of all live blocks.
const STACKS_AT_ONCE: usize = 256;

/// The file.
pub(super) struct AllocsByStack(pub(super) Ledger);

impl Table for AllocsByStack {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        match self.0 {
            Ledger::Blocks => writeln!(out, "allocs_by_stack - version: 1.1"),
            Ledger::Pages => writeln!(out, "pages_by_stack - version: 1.0"),
        }
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        // One at a time: a stack of 16 frames with long names fills a good part of a batch.
        let number = (cursor as u16).saturating_add(1);
        if let Some(stack) = self.0.stack(number) {
            // Runs of pages take what they were asked for.
            let taken_bytes = (self.0 == Ledger::Blocks).then(|| TAKEN.lock().of(number));
            write_stack(number, &stack, taken_bytes, out)?;
        }
        Ok((number < self.0.stack_count()).then_some(number.into()))
    }
}

static TAKEN: Mutex<Taken> = Mutex::new(Taken::NOTHING);

/// Bytes that the live blocks of some call stacks take, for as long as nothing is allocated or freed.
struct Taken {
    /// The number of the first of these stacks.
    first: u16,
    bytes: [u64; STACKS_AT_ONCE],
    /// The state of the heap that they are right for.
    state: (Counters, u64),
}

impl Taken {
    const NOTHING: Self = Self { first: 0, bytes: [0; STACKS_AT_ONCE], state: (Counters::ZERO, 0) };

    fn of(&mut self, number: u16) -> u64 {
        let state = (tracker().counters(), tracker().leaks().sequence());
        let first = number - number % STACKS_AT_ONCE as u16;
        if (first, state) != (self.first, self.state) {
            (self.first, self.state) = (first, state);
            self.bytes.fill(0);
            tracker().blocks().for_each_taken(|record, taken_bytes| {
                let place = record.stack().checked_sub(first).map(usize::from);
                if let Some(sum) = place.and_then(|place| self.bytes.get_mut(place)) {
                    *sum += taken_bytes;
                }
            });
        }
        self.bytes.get(usize::from(number - first)).copied().unwrap_or(0)
    }
}

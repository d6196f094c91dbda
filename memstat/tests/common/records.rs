//! The records of a tracker, read as a report reads them.

use memstat::{Backend, Platform, Record, Tracked};

/// Reads all records in steps of `step`.
pub(crate) fn read_all<B: Backend, P: Platform>(heap: &Tracked<B, P>, step: usize) -> Vec<Record> {
    let mut all = Vec::new();
    let mut buffer = vec![Record::EMPTY; step];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = heap.blocks().read(from, &mut buffer);
        all.extend_from_slice(&buffer[..count]);
        cursor = next;
    }
    all
}

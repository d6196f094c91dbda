//! The record of the last boot.

use journal::record::{Ending, NoRecord, Record};
use spin::Once;

use super::write;
use crate::memory::pages::persistent;

/// What is known of the last boot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LastBoot {
    /// There is a valid record.
    Record {
        /// The slot of the newest valid record.
        record: Record<'static>,
        /// Others that are not.
        damaged: usize,
    },
    /// Why there is no record.
    None(NoRecord),
    /// There is no black box: `blackbox=off`, or no free place in memory.
    Off,
}

static LAST: Once<LastBoot> = Once::new();

/// The result of looking for the last boot's record. The record's text is untrusted: memory may hold anything.
pub(crate) fn last_boot() -> LastBoot {
    LAST.get().copied().unwrap_or(LastBoot::Off)
}

/// Finds the newest record, preserves it, and continues its numbers.
pub(super) fn read() {
    if persistent::place().is_none() {
        return;
    }
    let (mut why, mut damaged) = (NoRecord::Empty, 0);
    let newest = persistent::preserve(|slots| {
        let mut newest: Option<(usize, u64)> = None;
        for (number, slot) in slots.into_iter().enumerate() {
            match Record::read(slot) {
                Ok(record) => {
                    let sequence = record.head().sequence;
                    newest = newest.filter(|(_, highest)| *highest > sequence).or(Some((number, sequence)));
                }
                Err(NoRecord::Empty) => {}
                Err(error) => {
                    (why, damaged) = (error, damaged + 1);
                }
            }
        }
        newest.map(|(number, _)| number)
    });
    let last = match newest.map(Record::read) {
        Some(Ok(record)) => {
            let head = record.head();
            write::count_on_from(head.sequence, head.boot);
            if matches!(head.ending, Ending::Panic | Ending::Exception) {
                log::warn!("the last boot ended with a report, which is in /proc/last_boot");
            }
            LastBoot::Record { record, damaged }
        }
        Some(Err(error)) => LastBoot::None(error),
        None => LastBoot::None(why),
    };
    if let LastBoot::None(error) = last
        && error != NoRecord::Empty
    {
        log::warn!("black box: no record: {error}");
    }
    LAST.call_once(|| last);
}

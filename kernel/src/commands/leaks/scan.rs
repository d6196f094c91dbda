//! `leaks scan`: looks for blocks that nothing refers to, and shows those that two scans in a row have found.

use core::fmt;

use arrayvec::ArrayVec;
use memstat::{Level, Platform, Record, ScanError, ScanSummary};
use shell::{Command, Options, Session, Syntax};

use super::page_leaks;
use crate::arch::clock;
use crate::memory::heap::tracker;
use crate::memory::leaks::roots;
use crate::memory::report::shown_frames;
use crate::symbols::StackFrame;
use control::kmemleak::{DUMP_BYTES, DumpRow, ROW_BYTES};
use journal::Seconds;

/// Leaks that are shown: the oldest.
const MAX_SHOWN: usize = 20;
/// Frames that are shown of each.
const MAX_FRAMES: usize = 8;
/// Records that are read at once.
const AT_ONCE: usize = 32;

pub(super) const SCAN: Command = Command {
    name: "scan",
    usage: "leaks scan",
    summary: "look for blocks that nothing refers to; those that two scans in a row find are leaks; and for pages",
    syntax: Syntax::NOTHING,
    run,
};

fn run(session: &mut Session, _: &Options<'_>) {
    match timed(session) {
        Ok((scanned, took_ns)) => {
            show_leaks(session);
            session.print(format_args!("{}\n", Summary(scanned, took_ns)));
            if scanned.suspects > 0 {
                session.print(format_args!("scan again: what the next scan finds as well is a leak\n"));
            }
            if let Err(error) = tracker().level().require(Level::Blocks) {
                session.print(format_args!("{error}\n"));
            }
            page_leaks::scan(session);
        }
        Err(error) => session.report_failure(format_args!("leaks scan: {error}")),
    }
}

/// Scans, until Ctrl-C, and says how many nanoseconds that took.
pub(crate) fn timed(session: &Session) -> Result<(ScanSummary, u64), ScanError> {
    let start_ns = clock::uptime_ns();
    let scanned = roots::scan(&mut || !session.is_interrupted())?;
    Ok((scanned, clock::uptime_ns() - start_ns))
}

/// What a scan came to, in one line.
pub(crate) struct Summary(pub(crate) ScanSummary, pub(crate) u64);

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(scanned, took_ns) = self;
        write!(
            out,
            "scan: {} blocks and {} words in {} s: {} unreferenced for the first time, {} leaks of {} bytes ({} new)",
            scanned.blocks,
            scanned.words,
            Seconds(*took_ns),
            scanned.suspects,
            scanned.leaks,
            scanned.leaked_bytes,
            scanned.new_leaks
        )?;
        if scanned.unrecorded > 0 {
            let unrecorded = scanned.unrecorded;
            write!(
                out,
                "; {unrecorded} blocks without records were not looked at: what they refer to may seem lost"
            )?;
        }
        Ok(())
    }
}

/// Shows the oldest leaks, and how many there are more.
fn show_leaks(session: &mut Session) {
    let mut oldest = ArrayVec::<Record, MAX_SHOWN>::new();
    let mut count = 0_usize;
    let mut records = [Record::EMPTY; AT_ONCE];
    let mut cursor = Some(0);
    while let Some(from) = cursor.filter(|_| !session.is_interrupted()) {
        let (read, next) = tracker().leaks().read(from, &mut records);
        for record in records.iter().take(read) {
            count += 1;
            let place = oldest.partition_point(|known| known.sequence() < record.sequence());
            if place < MAX_SHOWN {
                if oldest.is_full() {
                    oldest.pop();
                }
                oldest.insert(place, *record);
            }
        }
        cursor = next;
    }
    for record in &oldest {
        show_leak(session, record);
        if session.is_interrupted() {
            return;
        }
    }
    if count > oldest.len() {
        session.print(format_args!("{} more; cat /proc/kmemleak\n", count - oldest.len()));
    }
}

fn show_leak(session: &mut Session, record: &Record) {
    let mut bytes = [0; DUMP_BYTES];
    // It may have been freed just now.
    let Some(count) = tracker().blocks().copy_contents(record, 0, &mut bytes) else { return };
    let born_ns = tracker().platform().stamp_to_ns(record.stamp());
    let age_ms = clock::uptime_ns().saturating_sub(born_ns) / 1_000_000;
    session.print(format_args!(
        "unreferenced: {:#018x}, {} bytes, {}.{:03} s old\n",
        record.address(),
        record.size_bytes(),
        age_ms / 1000,
        age_ms % 1000
    ));
    for row in bytes.get(..count).unwrap_or_default().chunks(ROW_BYTES) {
        session.print(format_args!("  {}\n", DumpRow(row)));
    }
    match tracker().stacks().get(record.stack()) {
        Some(stack) => {
            for frame in shown_frames(&stack).take(MAX_FRAMES) {
                session.print(format_args!("    {}\n", StackFrame(frame)));
            }
        }
        None => session.print(format_args!("    no call stack was recorded; memstat=stacks keeps those\n")),
    }
}

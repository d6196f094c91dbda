//! The part of `leaks scan` about pages: runs of pages that nothing refers to.

use memstat::{Level, Platform, Record, ScanError, ScanSummary};
use shell::Session;
use tally_heap::PAGE_BYTES;

use super::changes::Count;
use crate::arch::{VAddr, clock};
use crate::memory::leaks::page_scan;
use crate::memory::page_owners::owner_of;
use crate::memory::page_tracker::page_tracker;
use crate::memory::report::shown_frames;
use crate::symbols::StackFrame;
use journal::Seconds;

/// Runs that are shown.
const MAX_SHOWN: usize = 20;
/// Frames that are shown of each.
const MAX_FRAMES: usize = 8;
/// Records that are read at once.
const AT_ONCE: usize = 32;

/// Scans, and shows what is lost. Nothing is said where nothing is.
pub(super) fn scan(session: &mut Session) {
    match timed(session) {
        Ok((scanned, _)) if scanned.leaks == 0 && scanned.suspects == 0 => {}
        Ok((scanned, took_ns)) => {
            show(session);
            session.print(format_args!(
                "scan of pages: {} in {} s: {} unreferenced for the first time, {} leaks of {} bytes\n",
                Count(scanned.blocks, "run"),
                Seconds(took_ns),
                scanned.suspects,
                scanned.leaks,
                scanned.leaked_bytes
            ));
        }
        // Nothing is recorded of pages: there is nothing to look for.
        Err(ScanError::NoRecords) => {}
        Err(error) => session.report_failure(format_args!("leaks scan: pages: {error}")),
    }
    if let Err(error) = page_tracker().level().require(Level::Blocks)
        && page_tracker().blocks().count() > 0
    {
        session.print(format_args!("pages: {error}\n"));
    }
}

/// Scans, until Ctrl-C, and says how many nanoseconds that took.
pub(crate) fn timed(session: &Session) -> Result<(ScanSummary, u64), ScanError> {
    let start_ns = clock::uptime_ns();
    let scanned = page_scan::scan(&mut || !session.is_interrupted())?;
    Ok((scanned, clock::uptime_ns() - start_ns))
}

fn show(session: &mut Session) {
    let mut records = [Record::EMPTY; AT_ONCE];
    let (mut cursor, mut count) = (Some(0), 0);
    while let Some(from) = cursor.filter(|_| !session.is_interrupted()) {
        let (read, next) = page_tracker().leaks().read(from, &mut records);
        for record in records.iter().take(read) {
            if count < MAX_SHOWN {
                show_run(session, record);
            }
            count += 1;
        }
        cursor = next;
    }
    // No address of a lost run stays on the stack.
    records.fill(Record::EMPTY);
    core::hint::black_box(&records);
    if count > MAX_SHOWN {
        session.print(format_args!("{} more\n", Count((count - MAX_SHOWN) as u64, "run")));
    }
}

fn show_run(session: &mut Session, record: &Record) {
    let time = Seconds(page_tracker().platform().stamp_to_ns(record.stamp()));
    let purpose = owner_of(VAddr::from_usize(record.address())).and_then(|owner| owner.purpose);
    session.print(format_args!(
        "lost run {:#x}: {}, for {}, taken at {time} s by:\n",
        record.address(),
        Count((record.size_bytes() / PAGE_BYTES) as u64, "page"),
        purpose.map_or("nobody", |purpose| purpose.name())
    ));
    match page_tracker().stacks().get(record.stack()) {
        Some(stack) => {
            for frame in shown_frames(&stack).take(MAX_FRAMES) {
                session.print(format_args!("    {}\n", StackFrame(frame)));
            }
        }
        None => {
            session.print(format_args!("    no call stack was recorded; memstat.pages=stacks keeps those\n"));
        }
    }
}

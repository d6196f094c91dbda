//! `/proc/pages`: every run of pages in use, with its owner, one a line, by address.
//!
//! Together the runs are what `MemTotal` has more than `MemFree`.

use core::fmt::{self, Write};

use memstat::Platform;
use vfs::Table;

use crate::arch::VAddr;
use crate::memory::page_owners::{PageOwner, visit_runs};
use crate::memory::page_tracker::page_tracker;
use crate::memory::{free_pages, total_pages};
use crate::symbols::ReturnAddress;

/// Rows written at once.
const ROWS_AT_ONCE: usize = 64;
/// Pages that are looked at at once, so that Ctrl-C ends the reading soon even where nothing is in use.
const PAGES_AT_ONCE: usize = 1 << 16;

/// The file.
pub(super) struct Pages;

impl Table for Pages {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        let untracked = page_tracker().counters().live_untracked;
        writeln!(out, "pages - version: 1.0")?;
        writeln!(out, "{} pages in use, {untracked} runs untracked", total_pages() - free_pages())?;
        writeln!(
            out,
            "#        <address>    <pages> <order> <purpose>          <seq>         <time> <cpu> <task>    <stack> <site>"
        )
    }

    /// The cursor is the number of a page.
    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        let (mut rows, mut written) = (0, Ok(()));
        let next = visit_runs(cursor as usize, PAGES_AT_ONCE, &mut |owner| {
            written = write_row(owner, out);
            rows += 1;
            written.is_ok() && rows < ROWS_AT_ONCE
        });
        written?;
        Ok(next.map(|number| number as u64))
    }
}

fn write_row(owner: &PageOwner, out: &mut dyn Write) -> fmt::Result {
    let purpose = owner.purpose.map_or("-", |purpose| purpose.word());
    write!(out, "{:18x} {:10} {:7} {purpose:12}", owner.first.as_usize(), owner.pages, owner.order())?;
    let Some(record) = &owner.record else {
        return writeln!(out, " {:>11} {:>14} {:>5} {:>6} {:>10} -", "-", "-", "-", "-", "-");
    };
    let time_ns = page_tracker().platform().stamp_to_ns(record.stamp());
    let (seconds, micros) = (time_ns / 1_000_000_000, time_ns / 1000 % 1_000_000);
    write!(out, " {:11} {seconds:7}.{micros:06} {:5} {:6}", record.sequence(), record.cpu(), record.task())?;
    let site = page_tracker().stacks().get(record.stack()).and_then(|stack| stack.frames().first().copied());
    match site {
        Some(address) => {
            writeln!(out, " {:10} {}", record.stack(), ReturnAddress(VAddr::from_usize(address)))
        }
        None => writeln!(out, " {:>10} -", "-"),
    }
}

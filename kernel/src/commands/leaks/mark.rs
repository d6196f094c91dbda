//! `leaks mark`, `marks` and `clear`: snapshots to compare with.

use core::fmt;

use memstat::{Level, Platform, Snapshot};
use shell::{Command, Options, Session, Syntax};

use super::changes::Count;
use crate::memory::heap::tracker;
use crate::memory::leaks::marks::{self, Mark};
use control::memstat::{DEFAULT_NAME, checked_name};

pub(in crate::commands) const MARK: Command = Command {
    name: "mark",
    usage: "leaks mark [NAME]",
    summary: "keep what each call stack holds now; without a name, as `default`",
    syntax: Syntax::operands(0, 1),
    run: set,
};

pub(super) const MARKS: Command = Command {
    name: "marks",
    usage: "leaks marks",
    summary: "list the marks, the newest last",
    syntax: Syntax::NOTHING,
    run: list,
};

pub(super) const CLEAR: Command = Command {
    name: "clear",
    usage: "leaks clear [NAME]",
    summary: "delete a mark; without a name, `default`",
    syntax: Syntax::operands(0, 1),
    run: clear,
};

/// Time between two snapshots.
pub(super) struct Age {
    from_stamp: u64,
    to_stamp: u64,
}

impl Age {
    /// From one to a later one.
    pub(super) fn between(earlier: &Snapshot, later: &Snapshot) -> Self {
        Self { from_stamp: earlier.stamp, to_stamp: later.stamp }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to_ns = |stamp| tracker().platform().stamp_to_ns(stamp);
        write_seconds(to_ns(self.to_stamp).saturating_sub(to_ns(self.from_stamp)), out)
    }
}

/// The time of a snapshot, since the start of the kernel.
struct When(u64);

impl fmt::Display for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(tracker().platform().stamp_to_ns(self.0), out)
    }
}

fn write_seconds(time_ns: u64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(out, "{}.{:03} s", time_ns / 1_000_000_000, time_ns / 1_000_000 % 1000)
}

fn set(session: &mut Session, options: &Options<'_>) {
    let name = match options.operands.first().map_or(Ok(DEFAULT_NAME), |name| checked_name(name)) {
        Ok(name) => name,
        Err(error) => return session.report_failure(format_args!("leaks: {error}")),
    };
    match marks::set(name) {
        Ok(mark) => {
            session.print(format_args!("mark "));
            show(session, &mark);
            if mark.snapshot.level < Level::Stacks {
                let level = mark.snapshot.level;
                let lack = if level < Level::Blocks { "blocks" } else { "call stacks" };
                session.print(format_args!(
                    "level is {level}: no {lack} are recorded; type memstat level stacks\n"
                ));
            }
        }
        Err(error) => session.report_failure(format_args!("leaks: {error}")),
    }
}

/// One line.
fn show(session: &mut Session, mark: &Mark) {
    let snapshot = &mark.snapshot;
    session.print(format_args!(
        "{}: {}, {} bytes, {} at {}\n",
        mark.name,
        Count(snapshot.recorded.blocks, "block"),
        snapshot.recorded.bytes,
        Count(snapshot.stack_count.into(), "call stack"),
        When(snapshot.stamp)
    ));
    if snapshot.unrecorded_blocks > 0 {
        session.print(format_args!("    and not recorded: {}\n", Count(snapshot.unrecorded_blocks, "block")));
    }
}

fn list(session: &mut Session, _: &Options<'_>) {
    let mut size_bytes = 0;
    for mark in (0..).map_while(marks::get) {
        size_bytes += mark.size_bytes;
        show(session, &mark);
    }
    let count = (0..).map_while(marks::get).count();
    session.print(format_args!(
        "{count} of {} marks, in {} KiB apart from the heap\n",
        marks::MAX_MARKS,
        size_bytes / 1024
    ));
}

fn clear(session: &mut Session, options: &Options<'_>) {
    let name = options.operands.first().copied().unwrap_or(DEFAULT_NAME);
    if !marks::clear(name) {
        report_missing(session, name);
    }
}

/// Says that there is no such mark, and which there are.
pub(super) fn report_missing(session: &mut Session, name: &str) {
    session.report_failure(format_args!("leaks: {name}: no such mark; there are: {Names}"));
}

/// The names of all marks.
struct Names;

impl fmt::Display for Names {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = (0..).map_while(marks::get).map(|mark| mark.name);
        match names.next() {
            None => out.write_str("none"),
            Some(first) => out.write_str(&first),
        }?;
        names.try_for_each(|name| write!(out, " {name}"))
    }
}

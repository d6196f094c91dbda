//! `export`: a dump of all that the tracker knows, for `memstat-report` on another machine; format in docs/dump.md.

use core::fmt::{self, Write};

use arrayvec::{ArrayString, ArrayVec};
use memstat::report::{DumpFrame, DumpMark, DumpOptions, DumpParts, dump};
use shell::{Command, Options, Session, Syntax};
use vfs::Errno;

use crate::arch::{VAddr, clock};
use crate::console;
use crate::memory::heap::tracker;
use crate::memory::leaks::marks::{self, MAX_MARKS};
use crate::symbols;

pub(super) const COMMAND: Command = Command {
    name: "export",
    usage: "export [-b] [-n SECONDS] [FILE]",
    summary: "write a dump of the heap for memstat-report; -b: with each block and event; -n: again and again",
    syntax: Syntax::operands(0, 1).flags("b").numbers("n"),
    run,
};

/// The program's name in the dump.
const PROGRAM: &str = "tally";
/// Longer lines are written in parts.
const MAX_LINE_BYTES: usize = 512;
const NS_PER_S: u64 = 1_000_000_000;

fn run(session: &mut Session, options: &Options<'_>) {
    let parts = if options.has('b') { DumpParts::History } else { DumpParts::Stacks };
    let pause_s = options.number('n');
    match options.operands.first() {
        None => write_dumps(session, parts, pause_s),
        Some(path) => {
            if let Err(error) = session.with_output_to(path, |session| write_dumps(session, parts, pause_s)) {
                session.fail(COMMAND.name, path, cause(session, path, error));
            }
        }
    }
}

/// Why a file cannot be written. Of a device that this machine does not have, `/dev` says only that no file can be made
/// there.
fn cause(session: &Session, path: &str, error: Errno) -> Errno {
    if matches!(error, Errno::EACCES | Errno::EPERM) && !session.has_file(path) {
        Errno::ENOENT
    } else {
        error
    }
}

/// Writes one dump; or, with a pause, one after the other until Ctrl-C or until the output fails.
fn write_dumps(session: &mut Session, parts: DumpParts, pause_s: Option<u64>) {
    loop {
        let next_ns = clock::uptime_ns().saturating_add(pause_s.unwrap_or(0).saturating_mul(NS_PER_S));
        write_dump(session, parts);
        if pause_s.is_none() {
            return;
        }
        // Whoever follows the dumps should have all of this one now.
        session.flush();
        console::wait_until(next_ns);
        if session.is_interrupted() {
            return;
        }
    }
}

// Not inlined: what it has on the stack is large.
#[inline(never)]
fn write_dump(session: &mut Session, parts: DumpParts) {
    let marks: ArrayVec<_, MAX_MARKS> = (0..MAX_MARKS).map_while(marks::get).collect();
    let marked = marks.iter().map(|mark| DumpMark {
        name: &mark.name,
        sequence: mark.snapshot.sequence,
        stamp: mark.snapshot.stamp,
    });
    let marked: ArrayVec<_, MAX_MARKS> = marked.collect();
    let options =
        DumpOptions { program: PROGRAM, parts, marks: &marked, names: Some(&name), ..DumpOptions::default() };
    let mut lines = Lines { session, line: ArrayString::new() };
    // The only error is Ctrl-C; the session keeps its own errors itself.
    let _ = dump(tracker(), &options, &mut lines);
}

fn name(return_address: usize, visit: &mut dyn FnMut(&DumpFrame<'_>)) {
    symbols::resolve(VAddr::from_usize(return_address), &mut |frame, _| {
        visit(&DumpFrame { function: &frame.function, file: &frame.path, line: frame.line });
    });
}

/// Hands whole lines on, so that the console keeps them whole.
struct Lines<'a> {
    session: &'a mut Session,
    line: ArrayString<MAX_LINE_BYTES>,
}

impl Lines<'_> {
    fn flush(&mut self) {
        self.session.print(format_args!("{}", self.line));
        self.line.clear();
    }
}

impl Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.line.try_push_str(text).is_err() {
            self.flush();
            // No text is as long as a line: numbers, and parts of names.
            self.line.try_push_str(text).map_err(|_| fmt::Error)?;
        }
        if !self.line.ends_with('\n') {
            return Ok(());
        }
        self.flush();
        if self.session.is_interrupted() { Err(fmt::Error) } else { Ok(()) }
    }
}

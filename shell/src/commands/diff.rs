//! `diff`: the lines in which two files differ, in the classic form.

use core::fmt;
use core::ops::Range;

use vfs::{Errno, Result};

use crate::command::Command;
use crate::options::Options;
use crate::scratch::Scratch;
use crate::session::{MISUSED, Session};
use crate::source::{PIECE_BYTES, Source};
use crate::syntax::Syntax;
use crate::text::{Change, DiffError, compare, hash_lines, work_length};

pub(super) const COMMAND: Command = Command {
    name: "diff",
    usage: "diff FILE FILE",
    summary: "show the lines in which two files differ",
    syntax: Syntax::operands(2, 2),
    run,
};

/// Half of the number of lines that files may differ in; the time of a comparison grows with its square.
const MAX_STEPS: usize = 5000;

fn run(session: &mut Session, options: &Options<'_>) {
    let [old, new] = options.operands.as_slice() else { return };
    let mut files = [None, None];
    for (file, path) in files.iter_mut().zip([old, new]) {
        match Text::open(session, path) {
            Ok(text) => *file = Some(text),
            Err(error) => {
                session.fail(COMMAND.name, path, error);
                session.status = MISUSED;
            }
        }
    }
    if let [Some(old_text), Some(new_text)] = &mut files {
        match show_changes(session, old_text, new_text) {
            Ok(()) => {}
            Err(Failure::Texts(error)) => report(session, old, new, &error),
            Err(Failure::File(error)) => report(session, old, new, &error),
        }
    }
    for text in files.into_iter().flatten() {
        session.close_source(text.source);
    }
}

/// Reports why files could not be compared.
fn report(session: &mut Session, old: &str, new: &str, error: &dyn fmt::Display) {
    let (old, new) = (old, new);
    session.report_failure(format_args!("diff: {old} and {new}: {error}"));
    session.status = MISUSED;
}

/// Why files could not be compared.
enum Failure {
    Texts(DiffError),
    File(Errno),
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::File(error)
    }
}

fn show_changes(session: &mut Session, old: &mut Text, new: &mut Text) -> core::result::Result<(), Failure> {
    let (mut old_hashes, mut new_hashes) = (old.hashes(session)?, new.hashes(session)?);
    let (old_hashes, new_hashes) = (old_hashes.as_mut_slice(), new_hashes.as_mut_slice());
    let steps = MAX_STEPS.min(old_hashes.len().midpoint(new_hashes.len()).saturating_add(1));
    let mut work = Scratch::<i32>::new(session.host.buffers(), work_length(steps))?;
    let mut result = Ok(());
    let host = session.host;
    let must_stop = || host.is_interrupted();
    let compared = compare(old_hashes, new_hashes, work.as_mut_slice(), &must_stop, &mut |change| {
        if result.is_ok() && !session.is_interrupted() {
            let between = change.old.start;
            result = check_same(session, old, new, between).and_then(|()| show(session, old, new, &change));
        }
    });
    match compared {
        Ok(()) => {
            result?;
            Ok(check_same(session, old, new, old_hashes.len())?)
        }
        Err(DiffError::Stopped) => Ok(()),
        Err(error) => Err(Failure::Texts(error)),
    }
}

/// Skips lines of equal hashes, up to the line `end` of the first text. Lines that differ in spite of equal hashes are
/// shown, each as a change of its own.
fn check_same(session: &mut Session, old: &mut Text, new: &mut Text, end: usize) -> Result<()> {
    while old.line < end && !session.is_interrupted() {
        let (old_start, new_start) = (old.offset, new.offset);
        if is_same_line(session, old, new)? {
            old.line = old.line.saturating_add(1);
            new.line = new.line.saturating_add(1);
            continue;
        }
        old.go_back(session, old_start)?;
        new.go_back(session, new_start)?;
        let lines = |line: usize| line..line.saturating_add(1);
        let change = Change { old: lines(old.line), new: lines(new.line) };
        show(session, old, new, &change)?;
    }
    Ok(())
}

/// Reads one line of each text, up to the first difference; true if there is none.
fn is_same_line(session: &mut Session, old: &mut Text, new: &mut Text) -> Result<bool> {
    loop {
        let (old_part, new_part) = (old.rest_of_line(session)?, new.rest_of_line(session)?);
        let length = old_part.len().min(new_part.len());
        let (Some(old_part), Some(new_part)) = (old_part.get(..length), new_part.get(..length)) else {
            return Ok(false);
        };
        if old_part != new_part {
            return Ok(false);
        }
        let is_end = length == 0 || old_part.ends_with(b"\n");
        old.pass(length);
        new.pass(length);
        if is_end {
            // Where one text ends without a newline, the other must end as well.
            return Ok(length > 0 || old.rest.is_empty() && new.rest.is_empty());
        }
    }
}

fn show(session: &mut Session, old: &mut Text, new: &mut Text, change: &Change) -> Result<()> {
    // The exit status of diff(1), for `&&` and `||`.
    session.set_failed(true);
    session.print(format_args!("{change}\n"));
    old.show_lines(session, &change.old, "< ")?;
    if !change.old.is_empty() && !change.new.is_empty() {
        session.print(format_args!("---\n"));
    }
    new.show_lines(session, &change.new, "> ")
}

/// A file that is read line by line, forwards.
struct Text {
    source: Source,
    /// Where it begins in the source, in bytes.
    start: u64,
    piece: [u8; PIECE_BYTES],
    /// The unread part of the piece.
    rest: Range<usize>,
    /// Where `rest` starts in the text, in bytes.
    offset: u64,
    /// The number of the next line, from 0.
    line: usize,
}

impl Text {
    fn open(session: &mut Session, path: &str) -> Result<Self> {
        let source = session.open_source(path)?;
        let start = session.position(source).inspect_err(|_| session.close_source(source))?;
        Ok(Self { source, start, piece: [0; PIECE_BYTES], rest: 0..0, offset: 0, line: 0 })
    }

    /// A hash of each line. Reads twice: to count the lines, and to hash them.
    fn hashes(&mut self, session: &mut Session) -> Result<Scratch<u64>> {
        let mut count: usize = 0;
        self.hash(session, |_| count = count.saturating_add(1))?;
        let mut hashes = Scratch::new(session.host.buffers(), count)?;
        let mut slots = hashes.as_mut_slice().iter_mut();
        self.hash(session, |hash| {
            if let Some(slot) = slots.next() {
                *slot = hash;
            }
        })?;
        Ok(hashes)
    }

    fn hash(&mut self, session: &mut Session, mut visit: impl FnMut(u64)) -> Result<()> {
        let mut line = None;
        while let Some(bytes) = session.next_piece(self.source, &mut self.piece)? {
            hash_lines(&mut line, bytes, |hash, _| visit(hash));
        }
        if let Some((hash, _)) = line {
            visit(hash);
        }
        session.seek(self.source, self.start)
    }

    /// The part of the current line that the piece holds; nothing at the end of the file.
    fn rest_of_line(&mut self, session: &mut Session) -> Result<&[u8]> {
        if self.rest.is_empty() {
            let piece = session.next_piece(self.source, &mut self.piece)?;
            self.rest = 0..piece.unwrap_or_default().len();
        }
        let bytes = self.piece.get(self.rest.clone()).unwrap_or_default();
        Ok(bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default())
    }

    /// Skips bytes of the piece.
    fn pass(&mut self, count: usize) {
        self.rest.start = self.rest.start.saturating_add(count);
        self.offset = self.offset.saturating_add(count as u64);
    }

    /// Goes back to an offset in the current line.
    fn go_back(&mut self, session: &mut Session, offset: u64) -> Result<()> {
        self.rest = 0..0;
        self.offset = offset;
        session.seek(self.source, self.start.saturating_add(offset))
    }

    /// Writes the lines up to the end of `lines`, each after `mark`.
    fn show_lines(&mut self, session: &mut Session, lines: &Range<usize>, mark: &str) -> Result<()> {
        let mut is_at_start = true;
        while self.line < lines.end {
            let part = self.rest_of_line(session)?;
            if part.is_empty() {
                break;
            }
            if is_at_start {
                session.write_bytes(mark.as_bytes());
            }
            session.write_bytes(part);
            is_at_start = part.ends_with(b"\n");
            let length = part.len();
            self.pass(length);
            self.line = self.line.saturating_add(usize::from(is_at_start));
        }
        if !is_at_start {
            // The text ends here.
            self.line = lines.end;
            session.print(format_args!("\n\\ No newline at end of file\n"));
        }
        Ok(())
    }
}

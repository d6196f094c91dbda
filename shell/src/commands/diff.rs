//! `diff`: the lines in which two files differ, in the classic form.

use core::ops::Range;

use vfs::{Errno, FileDescriptor, Result, SeekFrom};

use crate::command::Command;
use crate::options::Options;
use crate::scratch::Scratch;
use crate::session::Session;
use crate::source::{PIECE_BYTES, Source};
use crate::text::{Change, DiffError, compare, hash_lines, work_length};

pub(super) const COMMAND: Command = Command {
    name: "diff",
    usage: "diff FILE FILE",
    summary: "show the lines in which two files differ",
    run,
};

/// Files may differ in twice as many lines; the time to compare them grows with the square.
const MAX_STEPS: usize = 5000;

fn run(session: &mut Session, words: &[&str]) {
    let options = Options::parse(words, "", None);
    let Some([old, new]) = options.as_ref().map(|options| options.operands.as_slice()) else {
        return session.show_usage(&COMMAND);
    };
    let mut files = [None, None];
    for (file, path) in files.iter_mut().zip([old, new]) {
        match Text::open(session, path) {
            Ok(text) => *file = Some(text),
            Err(error) => session.fail(COMMAND.name, path, error),
        }
    }
    if let [Some(old_text), Some(new_text)] = &mut files {
        match show_changes(session, old_text, new_text) {
            Ok(()) => {}
            Err(Failure::Texts(error)) => session.complain(format_args!("diff: {old} and {new}: {error}")),
            Err(Failure::File(error)) => session.complain(format_args!("diff: {old} and {new}: {error}")),
        }
    }
    for text in files.into_iter().flatten() {
        session.close_source(Source::File(text.file));
    }
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
            result = show(session, old, new, &change);
        }
    });
    match compared {
        Ok(()) | Err(DiffError::Stopped) => Ok(result?),
        Err(error) => Err(Failure::Texts(error)),
    }
}

fn show(session: &mut Session, old: &mut Text, new: &mut Text, change: &Change) -> Result<()> {
    // As diff(1) tells it to `&&` and `||`.
    session.has_failed = true;
    session.print(format_args!("{change}\n"));
    old.show_lines(session, &change.old, "< ")?;
    if !change.old.is_empty() && !change.new.is_empty() {
        session.print(format_args!("---\n"));
    }
    new.show_lines(session, &change.new, "> ")
}

/// A file that is read from line to line, forwards.
struct Text {
    file: FileDescriptor,
    piece: [u8; PIECE_BYTES],
    /// The part of the piece that is not used yet.
    rest: Range<usize>,
    /// The line that comes next, from 0.
    line: usize,
}

impl Text {
    fn open(session: &Session, path: &str) -> Result<Self> {
        let file = session.open(path)?;
        Ok(Self { file, piece: [0; PIECE_BYTES], rest: 0..0, line: 0 })
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
        while let Some(bytes) = session.next_piece(Source::File(self.file), &mut self.piece)? {
            hash_lines(&mut line, bytes, |hash, _| visit(hash));
        }
        if let Some((hash, _)) = line {
            visit(hash);
        }
        session.vfs().seek(self.file, SeekFrom::Start(0)).map(drop)
    }

    /// Writes lines that were not passed yet, each behind `mark`.
    fn show_lines(&mut self, session: &mut Session, lines: &Range<usize>, mark: &str) -> Result<()> {
        let mut is_at_start = true;
        while self.line < lines.end {
            if self.rest.is_empty() {
                let piece = session.next_piece(Source::File(self.file), &mut self.piece)?;
                let Some(bytes) = piece else { break };
                self.rest = 0..bytes.len();
            }
            let bytes = self.piece.get(self.rest.clone()).unwrap_or_default();
            let part = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
            self.rest.start = self.rest.start.saturating_add(part.len());
            if self.line >= lines.start {
                if is_at_start {
                    session.write_bytes(mark.as_bytes());
                }
                session.write_bytes(part);
                is_at_start = part.ends_with(b"\n");
            }
            self.line = self.line.saturating_add(usize::from(part.ends_with(b"\n")));
        }
        if !is_at_start {
            session.print(format_args!("\n\\ No newline at end of file\n"));
        }
        Ok(())
    }
}

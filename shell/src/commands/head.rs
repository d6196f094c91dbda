//! `head`: the first lines.

use vfs::Result;

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::source::{PIECE_BYTES, Source};
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "head",
    usage: "head [-n LINES] [FILE...]",
    summary: "write the first lines, 10 or LINES",
    syntax: Syntax::at_least(0).numbers("n").digits('n'),
    run,
};

/// Lines that `head` and `tail` show by default.
pub(super) const LINES: u64 = 10;

fn run(session: &mut Session, options: &Options<'_>) {
    let mut titles = Titles::new(options.operands.len());
    session.for_each_input(COMMAND.name, &options.operands, |session, path, source| {
        titles.write(session, path);
        write_first(session, source, options.number('n').unwrap_or(LINES))
    });
}

fn write_first(session: &mut Session, source: Source, mut lines: u64) -> Result<()> {
    let mut piece = [0; PIECE_BYTES];
    while lines > 0
        && let Some(bytes) = session.next_piece(source, &mut piece)?
    {
        let mut length: usize = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n').take(lines as usize) {
            length = length.saturating_add(line.len());
            lines = lines.saturating_sub(line.ends_with(b"\n").into());
        }
        let unused = bytes.len().saturating_sub(length);
        session.write_bytes(bytes.get(..length).unwrap_or_default());
        session.give_back(source, unused)?;
    }
    Ok(())
}

/// The titles `==> FILE <==` between several files.
pub(super) struct Titles {
    files: usize,
    written: usize,
}

impl Titles {
    /// Titles for this number of files.
    pub(super) fn new(files: usize) -> Self {
        Self { files, written: 0 }
    }

    /// Writes the title of the next file, if there are several.
    pub(super) fn write(&mut self, session: &mut Session, path: &str) {
        if self.files > 1 {
            let blank = if self.written == 0 { "" } else { "\n" };
            session.print(format_args!("{blank}==> {} <==\n", session.shown(path)));
            self.written = self.written.saturating_add(1);
        }
    }
}

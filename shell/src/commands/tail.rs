//! `tail`: the last lines, found by reading twice, so that no memory is needed for them.

use vfs::Result;

use super::head::{LINES, Titles};
use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::source::{PIECE_BYTES, Source};
use crate::syntax::Syntax;
use crate::text::count_lines;

pub(super) const COMMAND: Command = Command {
    name: "tail",
    usage: "tail [-n LINES] [FILE...]",
    summary: "write the last lines, 10 or LINES",
    syntax: Syntax::at_least(0).numbers("n").digits('n'),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let mut titles = Titles::new(options.operands.len());
    session.for_each_input(COMMAND.name, &options.operands, |session, path, source| {
        titles.write(session, path);
        write_last(session, source, options.number('n').unwrap_or(LINES))
    });
}

fn write_last(session: &mut Session, source: Source, lines: u64) -> Result<()> {
    let start = session.position(source)?;
    let mut piece = [0; PIECE_BYTES];
    let (mut count, mut is_line_open) = (0_u64, false);
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        count = count.saturating_add(count_lines(bytes) as u64);
        is_line_open = !bytes.ends_with(b"\n");
    }
    let mut skipped = count.saturating_add(is_line_open.into()).saturating_sub(lines);
    session.seek(source, start)?;
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        let mut length: usize = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if skipped == 0 {
                break;
            }
            length = length.saturating_add(line.len());
            skipped = skipped.saturating_sub(line.ends_with(b"\n").into());
        }
        session.write_bytes(bytes.get(length..).unwrap_or_default());
    }
    Ok(())
}

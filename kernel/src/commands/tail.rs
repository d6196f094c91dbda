//! `tail`: the last lines, found by reading twice, so that no memory is needed for them.

use shell::text::count_lines;
use shell::{Command, Options};
use vfs::Result;

use super::Session;
use super::head::{LINES, Titles};
use super::source::{PIECE_BYTES, Source};

pub(super) const COMMAND: Command<Session> = Command {
    name: "tail",
    usage: "tail [-n LINES] [FILE...]",
    summary: "write the last lines, 10 or LINES",
    run,
};

fn run(session: &mut Session, words: &[&str]) {
    let Some(options) = Options::parse(words, "", Some('n')) else { return session.show_usage(&COMMAND) };
    let mut titles = Titles::new(options.operands.len());
    session.for_each_input(COMMAND.name, &options.operands, |session, path, source| {
        titles.write(session, path);
        write_last(session, source, options.number.unwrap_or(LINES))
    });
}

fn write_last(session: &mut Session, source: Source, lines: u64) -> Result<()> {
    let start = session.position(source)?;
    let mut piece = [0; PIECE_BYTES];
    let (mut count, mut is_line_open) = (0, false);
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        count += count_lines(bytes) as u64;
        is_line_open = !bytes.ends_with(b"\n");
    }
    let mut skipped = (count + u64::from(is_line_open)).saturating_sub(lines);
    session.seek(source, start)?;
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        let mut length = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if skipped == 0 {
                break;
            }
            length += line.len();
            skipped -= u64::from(line.ends_with(b"\n"));
        }
        session.write_bytes(bytes.get(length..).unwrap_or_default());
    }
    Ok(())
}

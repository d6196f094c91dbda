//! `tail`: the last lines or bytes. The input is read twice, so that none of it has to be kept.

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
    usage: "tail [-n LINES] [-c BYTES] [FILE...]",
    summary: "write the last lines, 10 or LINES, or the last BYTES; +N: from line or byte N on",
    syntax: Syntax::at_least(0).values("c").digits('n'),
    run,
};

/// Where the part that is written begins.
#[derive(Clone, Copy)]
enum Start {
    /// This many units after the beginning.
    Behind(u64),
    /// This many units before the end.
    BeforeEnd(u64),
}

/// The unit of `-n` or `-c`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Lines,
    Bytes,
}

fn run(session: &mut Session, options: &Options<'_>) {
    let (text, unit) = match (options.value('n'), options.value('c')) {
        (lines, None) => (lines, Unit::Lines),
        (None, bytes) => (bytes, Unit::Bytes),
        (Some(_), Some(_)) => return session.show_usage(&COMMAND),
    };
    let Some(start) = text.map_or(Some(Start::BeforeEnd(LINES)), parse) else {
        return session.show_usage(&COMMAND);
    };
    let mut titles = Titles::new(options.operands.len());
    session.for_each_input(COMMAND.name, &options.operands, |session, path, source| {
        titles.write(session, path);
        write_from(session, source, start, unit)
    });
}

/// `+5`: from the 5th on; `5` or `-5`: the last 5.
fn parse(text: &str) -> Option<Start> {
    let number = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
    };
    match text.strip_prefix('+') {
        // The operand counts from 1.
        Some(digits) => number(digits).map(|number| Start::Behind(number.saturating_sub(1))),
        None => number(text.strip_prefix('-').unwrap_or(text)).map(Start::BeforeEnd),
    }
}

fn write_from(session: &mut Session, source: Source, start: Start, unit: Unit) -> Result<()> {
    let mut skipped = match start {
        Start::Behind(count) => count,
        Start::BeforeEnd(count) => {
            let position = session.position(source)?;
            let total = count_units(session, source, unit)?;
            session.seek(source, position)?;
            total.saturating_sub(count)
        }
    };
    let mut piece = [0; PIECE_BYTES];
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        let length = match unit {
            Unit::Bytes => (bytes.len() as u64).min(skipped),
            Unit::Lines => {
                let mut ends = bytes.split_inclusive(|byte| *byte == b'\n');
                ends.by_ref().take(skipped as usize).map(|line| line.len() as u64).sum()
            }
        };
        let (before, rest) = bytes.split_at_checked(length as usize).unwrap_or_default();
        let passed = if unit == Unit::Bytes { length } else { count_lines(before) as u64 };
        skipped = skipped.saturating_sub(passed);
        session.write_bytes(rest);
    }
    Ok(())
}

/// How many units there are up to the end; a last line without a newline counts.
fn count_units(session: &mut Session, source: Source, unit: Unit) -> Result<u64> {
    let mut piece = [0; PIECE_BYTES];
    let (mut count, mut is_line_open) = (0_u64, false);
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        let more = if unit == Unit::Lines { count_lines(bytes) } else { bytes.len() };
        count = count.saturating_add(more as u64);
        is_line_open = unit == Unit::Lines && !bytes.ends_with(b"\n");
    }
    Ok(count.saturating_add(is_line_open.into()))
}

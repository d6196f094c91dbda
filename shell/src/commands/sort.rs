//! `sort`: lines in their order, in memory apart from the heap.

use core::cmp::Ordering;

use vfs::{Errno, Result};

use crate::command::Command;
use crate::options::Options;
use crate::scratch::Scratch;
use crate::session::Session;
use crate::source::{PIECE_BYTES, Source};
use crate::syntax::Syntax;
use crate::text::count_lines;

pub(super) const COMMAND: Command = Command {
    name: "sort",
    usage: "sort [-nru] [-k FIELD] [FILE]",
    summary: "sort lines; -n: by numbers, -r: backwards, -u: each once, -k: from this field on",
    syntax: Syntax::operands(0, 1).flags("nru").numbers("k"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    if options.number('k') == Some(0) {
        return session.show_usage(&COMMAND);
    }
    session
        .for_each_input(COMMAND.name, &options.operands, |session, _, source| sort(session, options, source));
}

fn sort(session: &mut Session, options: &Options<'_>, source: Source) -> Result<()> {
    let (mut text, mut lines) = load(session, source)?;
    let text: &[u8] = text.as_mut_slice();
    let line = |&[start, end]: &LinePlace| text.get(start as usize..end as usize).unwrap_or_default();
    let lines = lines.as_mut_slice();
    lines.sort_unstable_by(|one, other| {
        let order = compare(options, line(one), line(other));
        if options.has('r') { order.reverse() } else { order }
    });
    let mut last: Option<&[u8]> = None;
    for this in lines.iter().map(line) {
        let is_repeated = last.is_some_and(|last| compare(options, last, this) == Ordering::Equal);
        if session.is_interrupted() {
            return Ok(());
        }
        if !options.has('u') || !is_repeated {
            session.write_bytes(this);
            session.write_bytes(b"\n");
        }
        last = Some(this);
    }
    Ok(())
}

/// Where a line starts in the text, and where it ends, without its end of line.
type LinePlace = [u32; 2];

/// Reads everything: once to see how much it is, once to keep it.
fn load(session: &mut Session, source: Source) -> Result<(Scratch<u8>, Scratch<LinePlace>)> {
    let start = session.position(source)?;
    let mut piece = [0; PIECE_BYTES];
    let (mut bytes_count, mut lines_count) = (0_usize, 1_usize);
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        bytes_count = bytes_count.saturating_add(bytes.len());
        lines_count = lines_count.saturating_add(count_lines(bytes));
    }
    if u32::try_from(bytes_count).is_err() {
        return Err(Errno::EFBIG);
    }
    let mut text = Scratch::<u8>::new(session.host.buffers(), bytes_count)?;
    let mut lines = Scratch::<LinePlace>::new(session.host.buffers(), lines_count)?;
    session.seek(source, start)?;
    let mut slots = text.as_mut_slice().iter_mut();
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        slots.by_ref().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    }
    let (mut count, mut at) = (0_usize, 0_u32);
    let places = lines.as_mut_slice();
    for (line, slot) in text.as_mut_slice().split_inclusive(|byte| *byte == b'\n').zip(places.iter_mut()) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        *slot = [at, at.saturating_add(text.len() as u32)];
        at = at.saturating_add(line.len() as u32);
        count = count.saturating_add(1);
    }
    lines.truncate(count);
    Ok((text, lines))
}

fn compare(options: &Options<'_>, one: &[u8], other: &[u8]) -> Ordering {
    let field = options.number('k').unwrap_or(1);
    let (one_key, other_key) = (from_field(one, field), from_field(other, field));
    let order =
        if options.has('n') { number(one_key).cmp(&number(other_key)) } else { one_key.cmp(other_key) };
    // With -u lines are the same when their keys are.
    if options.has('u') { order } else { order.then_with(|| one.cmp(other)) }
}

/// The line from its `field`th field on, counted from 1; blanks stand between fields.
fn from_field(line: &[u8], field: u64) -> &[u8] {
    let mut rest = line;
    for _ in 1..field {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        rest = rest.get(end..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
    }
    if field > 1 { rest.trim_ascii_start() } else { rest }
}

/// The number that a key begins with, 0 if it begins with none.
fn number(key: &[u8]) -> i128 {
    let key = key.trim_ascii_start();
    let negative = key.strip_prefix(b"-");
    let digits = negative.unwrap_or(key).iter().map_while(|byte| char::from(*byte).to_digit(10));
    let number = digits.fold(0_i128, |sum, digit| sum.saturating_mul(10).saturating_add(digit.into()));
    if negative.is_some() { number.saturating_neg() } else { number }
}

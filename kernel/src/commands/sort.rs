//! `sort`: lines in their order, in memory apart from the heap.

use core::cmp::Ordering;
use core::ops::Range;

use shell::text::count_lines;
use shell::{Command, Options};
use vfs::{Errno, Result};

use super::Session;
use super::source::{PIECE_BYTES, Source};
use crate::memory::Scratch;

pub(super) const COMMAND: Command<Session> = Command {
    name: "sort",
    usage: "sort [-nru] [-k FIELD] [FILE]",
    summary: "sort lines; -n: by numbers, -r: backwards, -u: each once, -k: from this field on",
    run,
};

fn run(session: &mut Session, words: &[&str]) {
    let options = Options::parse(words, "nru", Some('k'));
    let options = options.filter(|options| options.operands.len() <= 1 && options.number != Some(0));
    let Some(options) = options else { return session.show_usage(&COMMAND) };
    session.for_each_input(COMMAND.name, &options.operands, |session, _, source| {
        sort(session, &options, source)
    });
}

fn sort(session: &mut Session, options: &Options<'_>, source: Source) -> Result<()> {
    let (mut text, mut lines) = load(session, source)?;
    let text: &[u8] = text.as_mut_slice();
    let line = |range: &Range<u32>| text.get(range.start as usize..range.end as usize).unwrap_or_default();
    let lines = lines.as_mut_slice();
    lines.sort_unstable_by(|one, other| {
        let order = compare(options, line(&one.range()), line(&other.range()));
        if options.has('r') { order.reverse() } else { order }
    });
    let mut last: Option<&[u8]> = None;
    for this in lines.iter().map(|this| line(&this.range())) {
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

/// Where a line lies in the text, without its end.
#[derive(Clone, Copy, Default)]
struct LinePlace {
    start: u32,
    end: u32,
}

impl LinePlace {
    fn range(self) -> Range<u32> {
        self.start..self.end
    }
}

/// Reads everything: once to see how much it is, once to keep it.
fn load(session: &mut Session, source: Source) -> Result<(Scratch<u8>, Scratch<LinePlace>)> {
    let start = session.position(source)?;
    let mut piece = [0; PIECE_BYTES];
    let (mut bytes_count, mut lines_count) = (0, 1);
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        bytes_count += bytes.len();
        lines_count += count_lines(bytes);
    }
    if u32::try_from(bytes_count).is_err() {
        return Err(Errno::EFBIG);
    }
    let mut text = Scratch::new(bytes_count, || 0).ok_or(Errno::ENOMEM)?;
    let mut lines = Scratch::new(lines_count, LinePlace::default).ok_or(Errno::ENOMEM)?;
    session.seek(source, start)?;
    let mut slots = text.as_mut_slice().iter_mut();
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        slots.by_ref().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    }
    let (mut count, mut at) = (0, 0);
    let places = lines.as_mut_slice();
    for (line, slot) in text.as_mut_slice().split_inclusive(|byte| *byte == b'\n').zip(places.iter_mut()) {
        let length = line.len() - usize::from(line.ends_with(b"\n"));
        *slot = LinePlace { start: at, end: at + length as u32 };
        at += line.len() as u32;
        count += 1;
    }
    lines.truncate(count);
    Ok((text, lines))
}

fn compare(options: &Options<'_>, one: &[u8], other: &[u8]) -> Ordering {
    let field = options.number.unwrap_or(1);
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
    let (sign, digits) = key.strip_prefix(b"-").map_or((1, key), |digits| (-1, digits));
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    sign * digits.fold(0, |sum: i128, digit| sum.saturating_mul(10).saturating_add(i128::from(digit - b'0')))
}

//! `sort`: sorts lines, in scratch memory and not in the heap.

use core::cmp::Ordering;

use arrayvec::ArrayVec;
use vfs::{Errno, OpenFlags, Result};

use crate::command::Command;
use crate::options::Options;
use crate::scratch::Scratch;
use crate::session::{FAILED, MISUSED, Output, Session};
use crate::source::PIECE_BYTES;
use crate::syntax::Syntax;
use crate::text::{Manner, Order, SortKey, count_lines};

pub(super) const COMMAND: Command = Command {
    name: "sort",
    usage: "sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]",
    summary: "sort lines; -n: by number, -r: reversed, -u: without duplicates, -c: only check, -k: by FIELD[.BYTE][bdfinr][,END]",
    syntax: Syntax::at_least(0).flags("cCmubdfinr").values("tko"),
    run,
};

/// Maximum number of keys, options `-k`.
const MAX_KEYS: usize = 9;

fn run(session: &mut Session, options: &Options<'_>) {
    let mut keys = ArrayVec::<SortKey, MAX_KEYS>::new();
    for text in options.values('k') {
        match SortKey::parse(text).map(|key| keys.try_push(key)) {
            Some(Ok(())) => {}
            _ => return session.show_usage(&COMMAND),
        }
    }
    let separator = match options.value('t').map(str::as_bytes) {
        None => None,
        Some(&[byte]) => Some(byte),
        Some(_) => return session.show_usage(&COMMAND),
    };
    let given = "bdfinr".chars().filter(|letter| options.has(*letter));
    let mut letters = arrayvec::ArrayString::<6>::new();
    // Each letter at most once, so they fit.
    given.for_each(|letter| letters.push(letter));
    let Some(manner) = Manner::parse(&letters) else { return };
    let order = Order { keys: &keys, manner, separator };
    let loaded = load(session, &options.operands);
    if session.has_failed() || session.is_interrupted() {
        session.status = session.status.max(MISUSED);
        return;
    }
    let (mut text, mut lines) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            session.fail(COMMAND.name, options.operands.first().copied().unwrap_or("-"), error);
            session.status = MISUSED;
            return;
        }
    };
    let sorter = Sorter { text: text.as_mut_slice(), order, is_unique: options.has('u') };
    let lines = lines.as_mut_slice();
    if options.has('c') || options.has('C') {
        return sorter.check(session, lines, options);
    }
    lines.sort_unstable_by(|one, other| sorter.compare(*one, *other));
    match options.value('o') {
        None => sorter.write(session, lines),
        Some(path) => write_to_file(session, path, |session| sorter.write(session, lines)),
    }
}

/// Runs `write` with its output in a file, which may be one of the input files.
fn write_to_file(session: &mut Session, path: &str, write: impl FnOnce(&mut Session)) {
    let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let file = match session.vfs().open(&session.cwd, path, flags) {
        Ok(file) => file,
        Err(error) => return session.fail(COMMAND.name, path, error),
    };
    let outer = session.swap_output(Output::File(file));
    write(session);
    session.finish_output(path);
    session.swap_output(outer);
    if let Err(error) = session.vfs().close(file) {
        session.fail(COMMAND.name, path, error);
    }
}

/// Start and end of a line in the text, in bytes, without its newline.
type LinePlace = [u32; 2];

/// Reads all input twice: to measure it, then to store it.
fn load(session: &mut Session, paths: &[&str]) -> Result<(Scratch<u8>, Scratch<LinePlace>)> {
    let (mut bytes_count, mut lines_count) = (0_usize, 0_usize);
    session.for_each_whole_input(COMMAND.name, paths, |session, _, source| {
        let start = session.position(source)?;
        let mut piece = [0; PIECE_BYTES];
        while let Some(bytes) = session.next_piece(source, &mut piece)? {
            bytes_count = bytes_count.saturating_add(bytes.len());
            lines_count = lines_count.saturating_add(count_lines(bytes));
        }
        // The last line may have no newline.
        (bytes_count, lines_count) = (bytes_count.saturating_add(1), lines_count.saturating_add(1));
        session.seek(source, start)
    });
    if u32::try_from(bytes_count).is_err() {
        return Err(Errno::EFBIG);
    }
    if session.has_failed() {
        (bytes_count, lines_count) = (0, 0);
    }
    let mut text = Scratch::<u8>::new(session.host.buffers(), bytes_count)?;
    let mut lines = Scratch::<LinePlace>::new(session.host.buffers(), lines_count)?;
    if session.has_failed() {
        return Ok((text, lines));
    }
    let mut length: usize = 0;
    let room = text.as_mut_slice();
    session.for_each_whole_input(COMMAND.name, paths, |session, _, source| {
        let mut piece = [0; PIECE_BYTES];
        let mut add = |bytes: &[u8]| {
            let slots = room.iter_mut().skip(length);
            slots.zip(bytes).for_each(|(slot, byte)| *slot = *byte);
            length = length.saturating_add(bytes.len());
        };
        let mut is_line_open = false;
        while let Some(bytes) = session.next_piece(source, &mut piece)? {
            add(bytes);
            is_line_open = !bytes.ends_with(b"\n");
        }
        if is_line_open {
            add(b"\n");
        }
        Ok(())
    });
    text.truncate(length);
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

/// The text of all lines, and how to order them.
struct Sorter<'a> {
    text: &'a [u8],
    order: Order<'a>,
    /// Whether only the first of lines with equal keys is kept.
    is_unique: bool,
}

impl<'a> Sorter<'a> {
    fn line(&self, [start, end]: LinePlace) -> &'a [u8] {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Compares lines by keys, then as a whole; with `-u` by position instead, so that the first one is kept.
    fn compare(&self, one: LinePlace, other: LinePlace) -> Ordering {
        let (one_line, other_line) = (self.line(one), self.line(other));
        self.order.compare(one_line, other_line).then_with(|| {
            if self.is_unique {
                return one.cmp(&other);
            }
            let order = one_line.cmp(other_line);
            if self.order.manner.is_reversed { order.reverse() } else { order }
        })
    }

    fn write(&self, session: &mut Session, lines: &[LinePlace]) {
        let mut last: Option<&[u8]> = None;
        for this in lines.iter().map(|place| self.line(*place)) {
            if session.is_interrupted() {
                return;
            }
            let is_repeated = last.is_some_and(|last| self.order.compare(last, this).is_eq());
            if !self.is_unique || !is_repeated {
                session.write_bytes(this);
                session.write_bytes(b"\n");
            }
            last = Some(this);
        }
    }

    /// Fails at the first line that is out of order.
    fn check(&self, session: &mut Session, lines: &[LinePlace], options: &Options<'_>) {
        for (number, pair) in (2_usize..).zip(lines.windows(2)) {
            let &[one, other] = pair else { return };
            let order = self.compare(one, other);
            let is_same = self.order.compare(self.line(one), self.line(other)).is_eq();
            if order.is_gt() || self.is_unique && is_same {
                session.status = FAILED;
                if !options.has('C') {
                    let name = options.operands.first().copied().unwrap_or("-");
                    let text = str::from_utf8(self.line(other)).unwrap_or("(no text)");
                    session.report_failure(format_args!("sort: {name}:{number}: disorder: {text}"));
                }
                return;
            }
        }
    }
}

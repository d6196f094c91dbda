//! `wc`: counts of lines, words and bytes.

use vfs::Result;

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::source::{PIECE_BYTES, Source};
use crate::syntax::Syntax;
use crate::text::count_lines;

pub(super) const COMMAND: Command = Command {
    name: "wc",
    usage: "wc [-lwcm] [FILE...]",
    summary: "count lines, words and bytes; -m: characters instead of bytes",
    syntax: Syntax::at_least(0).flags("lwcm"),
    run,
};

#[derive(Clone, Copy, Default)]
struct Counts {
    lines: u64,
    words: u64,
    bytes: u64,
    characters: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.lines = self.lines.saturating_add(other.lines);
        self.words = self.words.saturating_add(other.words);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.characters = self.characters.saturating_add(other.characters);
    }
}

fn run(session: &mut Session, options: &Options<'_>) {
    if options.has('c') && options.has('m') {
        return session.show_usage(&COMMAND);
    }
    let mut sum = Counts::default();
    session.for_each_whole_input(COMMAND.name, &options.operands, |session, path, source| {
        let counts = count(session, source)?;
        // After Ctrl-C a partial count would look like a complete one.
        if session.is_interrupted() {
            return Ok(());
        }
        sum.add(counts);
        show(session, options, counts, if options.operands.is_empty() { "" } else { path });
        Ok(())
    });
    if options.operands.len() > 1 && !session.is_interrupted() {
        show(session, options, sum, "total");
    }
}

fn count(session: &mut Session, source: Source) -> Result<Counts> {
    let mut piece = [0; PIECE_BYTES];
    let mut counts = Counts::default();
    let mut is_in_word = false;
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        let mut words: u64 = 0;
        for byte in bytes {
            let is_blank = byte.is_ascii_whitespace() || *byte == b'\x0b';
            words = words.saturating_add((!is_blank && !is_in_word).into());
            is_in_word = !is_blank;
        }
        // Every character of UTF-8 has exactly one byte that is not a continuation byte.
        let characters = bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64;
        counts.add(Counts { lines: count_lines(bytes) as u64, words, bytes: bytes.len() as u64, characters });
    }
    Ok(counts)
}

/// Shows the counts asked for, or lines, words and bytes. A single count is not padded, so that scripts can use it.
fn show(session: &mut Session, options: &Options<'_>, counts: Counts, name: &str) {
    let bytes = if options.has('m') { counts.characters } else { counts.bytes };
    let wanted = ['l', 'w', 'c'].map(|letter| options.has(letter) || letter == 'c' && options.has('m'));
    let is_any = wanted.contains(&true);
    let width = if wanted.iter().filter(|wanted| **wanted).count() == 1 { 0 } else { 7 };
    let mut blank = "";
    for (count, is_wanted) in [counts.lines, counts.words, bytes].into_iter().zip(wanted) {
        if is_wanted || !is_any {
            session.print(format_args!("{blank}{count:width$}"));
            blank = " ";
        }
    }
    let blank = if name.is_empty() { "" } else { " " };
    session.print(format_args!("{blank}{}\n", session.shown(name)));
}

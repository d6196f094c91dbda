//! Whether a line that a machine prints matches a line that a document shows.
//!
//! Words, punctuation and indentation must be the same. Numbers differ from run to run: a number stands for any other,
//! a hexadecimal number for any other, and the count of blanks next to a number may differ, as columns are padded.

/// A part of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Blanks(&'a str),
    /// Letters, digits and underscores.
    Word(&'a str),
    /// Any other character.
    Mark(&'a str),
}

/// Does `line` match `sample`? Three dots at the end of the sample stand for the rest of the line.
pub(super) fn is_like(sample: &str, line: &str) -> bool {
    let (sample, line) = (sample.trim_end(), parts(line.trim_end()));
    let begin = sample.strip_suffix("...");
    let sample = parts(begin.unwrap_or(sample));
    let is_whole = if begin.is_some() { sample.len() <= line.len() } else { sample.len() == line.len() };
    is_whole
        && sample.iter().zip(&line).enumerate().all(|(at, pair)| match pair {
            (Part::Word(shown), Part::Word(found)) => stands_for(shown, found),
            (Part::Blanks(shown), Part::Blanks(found)) => shown == found || is_beside_number(&sample, at),
            (shown, found) => shown == found,
        })
}

/// Lines that begin so tell what a command did to the heap. Their figures are the same on each machine.
const EXACT: [&str; 6] = ["live: ", "+", "total: ", "grew: ", "new: ", "0x"];

/// Whether the numbers of a line that tells what was done to the heap are those of the sample, up to a `;`: behind it
/// are pages, which depend on what was there before. Addresses are left out.
pub(super) fn has_same_figures(sample: &str, line: &str) -> bool {
    let is_exact = EXACT.iter().any(|begin| sample.starts_with(begin));
    !is_exact || sample.ends_with("...") || figures(sample).eq(figures(line))
}

/// The numbers of a line, up to a `;`. That of a stack is none: it counts in the order in which they came.
fn figures(line: &str) -> impl Iterator<Item = &str> {
    let line = line.split_once(';').map_or(line, |(begin, _)| begin);
    let line = line.split_once(": stack ").map_or(line, |(begin, _)| begin);
    let words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| has_digit(word));
    words.filter(|word| !word.starts_with("0x"))
}

/// Cuts a line into its parts.
fn parts(mut line: &str) -> Vec<Part<'_>> {
    let is_blank: fn(char) -> bool = |c| c == ' ' || c == '\t';
    let is_letter: fn(char) -> bool = |c| c.is_alphanumeric() || c == '_';
    let run = |line: &str, is_part: fn(char) -> bool| line.find(|c| !is_part(c)).unwrap_or(line.len());
    let mut parts = Vec::new();
    while let Some(first) = line.chars().next() {
        let end = match first {
            c if is_blank(c) => run(line, is_blank),
            c if is_letter(c) => run(line, is_letter),
            other => other.len_utf8(),
        };
        let (part, rest) = line.split_at(end);
        parts.push(match first {
            c if is_blank(c) => Part::Blanks(part),
            c if is_letter(c) => Part::Word(part),
            _ => Part::Mark(part),
        });
        line = rest;
    }
    parts
}

fn is_beside_number(parts: &[Part], at: usize) -> bool {
    let neighbours = [at.checked_sub(1), at.checked_add(1)];
    neighbours.into_iter().flatten().any(|at| match parts.get(at) {
        Some(Part::Word(word)) => {
            has_digit(word) && (is_hex(word) || word.starts_with(|c: char| c.is_ascii_digit()))
        }
        _ => false,
    })
}

/// The same word, or a number of the same kind.
fn stands_for(shown: &str, found: &str) -> bool {
    match (shown.strip_prefix("0x"), found.strip_prefix("0x")) {
        (Some(shown), Some(found)) => return is_hex(shown) && is_hex(found),
        (None, None) => {}
        _ => return false,
    }
    // A unit, as in `64k`, is a word.
    let (shown_unit, found_unit) = (without_number(shown), without_number(found));
    let are_numbers = shown_unit.len() < shown.len() && found_unit.len() < found.len();
    // Addresses, bytes of a dump and checksums have no `0x`, but the same width.
    let are_hex = has_digit(shown) && is_hex(shown) && is_hex(found) && shown.len() == found.len();
    shown == found || are_numbers && shown_unit == found_unit || are_hex
}

fn without_number(word: &str) -> &str {
    word.trim_start_matches(|c: char| c.is_ascii_digit())
}

fn has_digit(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit())
}

fn is_hex(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::{has_same_figures, is_like};

    /// Each line is like the first, or not.
    fn check(sample: &str, like: &[&str], unlike: &[&str]) {
        assert!(is_like(sample, sample), "`{sample}` is not like itself");
        for line in like {
            assert!(is_like(sample, line), "`{line}` is not like `{sample}`");
        }
        for line in unlike {
            assert!(!is_like(sample, line), "`{line}` is like `{sample}`");
        }
    }

    #[test]
    fn numbers_stand_for_numbers() {
        check(
            "    4 live blocks, 532 bytes",
            &["   12 live blocks, 1 bytes"],
            &[
                "    four live blocks, 532 bytes",
                "    4 live blocks, 532 bytes, 0 untracked",
                "4 live blocks, 532 bytes",
            ],
        );
        check("in 3.407 s", &["in 12.000001 s"], &["in 3 s", "in 3.407 ms", "in s"]);
        check("nth 64k", &["nth 128k"], &["nth 64M", "nth 64"]);
    }

    #[test]
    fn addresses_stand_for_addresses() {
        check(
            "  ffff80000ff0d000 <a::B>::send+0x1c b.rs:66",
            &["  ffff800001234567 <a::B>::send+0x1ff b.rs:7"],
            &[
                "  ffff80000ff0d000 <a::C>::send+0x1c b.rs:66",
                "  ffff80000ff0d000 <a::B>::send+28 b.rs:66",
                "  fff <a::B>::send+0x1c b.rs:66",
            ],
        );
        check(
            "free of 0xffff800000081000; ignored",
            &["free of 0x10; ignored"],
            &["free of 16; ignored", "free of 0xno; ignored"],
        );
        check("  47 00 6f", &["  6f ff 00"], &["  47 00 cc 6f", "  47 00 xy"]);
    }

    #[test]
    fn words_stand_for_themselves() {
        check(
            "a missing word",
            &[],
            &["a word", "a missing  word", "a missing Word", "a missing word.", " a missing word"],
        );
        check("kmalloc-64    12", &["kmalloc-128 1"], &["kzalloc-64    12"]);
    }

    #[test]
    fn dots_at_the_end_stand_for_the_rest() {
        check(
            "1 (tally) R 0 ...",
            &["2 (tally) R 0 0 0", "1 (tally) R 7 1 ..."],
            &["1 (tally) S 0 0", "1 (tally)"],
        );
        check("  ... as above from run+0x1", &["  ... as above from run+0x2"], &["  ... as above"]);
    }

    #[test]
    fn figures_of_the_heap_are_the_same() {
        for (sample, line, expected) in [
            ("live: 1 -> 2 blocks; heap: 3 pages", "live: 1 -> 2 blocks; heap: 9 pages", true),
            ("live: 1 -> 2 blocks; heap: 3 pages", "live: 1 -> 3 blocks; heap: 3 pages", false),
            ("+276 bytes, +3 blocks (3 new): stack 2", "+276 bytes, +3 blocks (3 new): stack 5", true),
            ("+276 bytes, +3 blocks (3 new): stack 2", "+276 bytes, +3 blocks (2 new): stack 2", false),
            ("0xa0: 100 bytes asked for, 128 taken", "0xb0: 100 bytes asked for, 128 taken", true),
            ("0xa0: 100 bytes asked for, 128 taken", "0xa0: 100 bytes asked for, 112 taken", false),
            ("up 0 days", "up 9 days", true),
        ] {
            assert_eq!(has_same_figures(sample, line), expected, "{sample} / {line}");
        }
    }
}

//! The lines of a dump within a line of an input: `~`, the text, `*` and its check.

use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;
/// Hexadecimal digits of a line's check.
const CHECK_DIGITS: usize = 4;

/// What stands behind a `~`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked<'a> {
    /// A text whose check is right, and its CRC-32.
    Right(&'a str, u32),
    /// What begins like a line of a dump and is torn or changed.
    Torn,
}

/// What the line of an input has of a dump. There may be more on one line, as a line end may be lost.
pub fn checked_texts(line: &[u8], mut visit: impl FnMut(Checked<'_>)) {
    if !line.contains(&b'~') {
        return;
    }
    let line = without_escapes(line);
    for part in line.split(|byte| *byte == b'~').skip(1) {
        if let Some((text, checksum)) = right(part) {
            visit(Checked::Right(text, checksum));
        } else if looks_like_ours(part) {
            visit(Checked::Torn);
        }
    }
}

fn right(part: &[u8]) -> Option<(&str, u32)> {
    let end = part.iter().position(|byte| *byte == b'*')?;
    let (text, check) = (part.get(..end)?, part.get(end + 1..end + 1 + CHECK_DIGITS)?);
    if !text.iter().all(|byte| matches!(byte, b' '..=b'}')) {
        return None;
    }
    let check = u32::from_str_radix(std::str::from_utf8(check).ok()?, 16).ok()?;
    let checksum = crc32fast::hash(text);
    (checksum & 0xffff == check).then_some((std::str::from_utf8(text).ok()?, checksum))
}

/// Whether the part begins with a line's first word.
fn looks_like_ours(part: &[u8]) -> bool {
    let word = part.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_word = super::reader::WORDS.iter().any(|known| known.as_bytes() == word);
    is_word && part.len() > word.len()
}

/// The line without the sequences that set colours or move the cursor (ECMA-48, section 5.4).
pub(super) fn without_escapes(line: &[u8]) -> Cow<'_, [u8]> {
    if !line.contains(&ESCAPE) {
        return Cow::Borrowed(line);
    }
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != ESCAPE {
            kept.push(*first);
        } else if let Some(sequence) = others.strip_prefix(b"[") {
            let end = sequence.iter().position(|byte| (0x40..=0x7e).contains(byte));
            rest = end.and_then(|end| sequence.get(end + 1..)).unwrap_or_default();
        }
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<String> {
        let mut found = Vec::new();
        checked_texts(line.as_bytes(), |text| {
            found.push(match text {
                Checked::Right(text, _) => text.to_string(),
                Checked::Torn => "torn".into(),
            });
        });
        found
    }

    #[test]
    fn lines_are_found_among_colours_and_other_text() {
        let line = format!("~s 1 2*{:04x}", crc32fast::hash(b"s 1 2") & 0xffff);
        assert_eq!(found(&line), ["s 1 2"]);
        assert_eq!(found(&format!("[ 1.0] x\x1b[1;31m{line}\x1b[0m\r")), ["s 1 2"]);
        assert_eq!(found(&line.replace("1 2", "1\x1b[0m 2")), ["s 1 2"]);
        assert_eq!(found(&format!("{line}{line}")), ["s 1 2", "s 1 2"]);
        assert_eq!(found(&line.replace("1 2", "1 3")), ["torn"]);
        assert_eq!(found(&format!("~s 1 [ 2.5] e1000: link up{line}")), ["torn", "s 1 2"]);
        assert!(found("~/work$ ls *abcd").is_empty());
        assert!(found("~").is_empty() && found("~~*").is_empty() && found("\x1b[~").is_empty());
    }
}

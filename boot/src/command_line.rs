//! The kernel's command line: the boot loader's words, and those that the kernel adds from other sources.
//!
//! A word counts as a whole or not at all, and a bad one affects no other. Nothing is lost silently: bytes that are not
//! UTF-8 become U+FFFD in their word, which is then refused by name as unknown; words that there is no room for are
//! counted.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};

/// Bytes of all words, with a blank between each two: the limit of Linux on x86.
pub const MAX_COMMAND_LINE_BYTES: usize = 2048;
/// Bytes kept of the first word that there is no room for.
const MAX_SHOWN_BYTES: usize = 64;

/// Words, with a blank between each two.
#[derive(Clone, Debug)]
pub struct CommandLine {
    text: ArrayString<MAX_COMMAND_LINE_BYTES>,
    left_out: LeftOutWords,
}

/// What does not count, and why: its text names the first word that there was no room for and counts the others, and
/// names the source that was not read to its end.
#[derive(Clone, Debug)]
pub struct LeftOutWords {
    count: usize,
    /// The start of the first of them.
    first: ArrayString<MAX_SHOWN_BYTES>,
    is_first_cut: bool,
    /// A source that was longer than what was read of it.
    cut: Option<CutSource>,
}

#[derive(Clone, Copy, Debug)]
struct CutSource {
    name: &'static str,
    read_bytes: usize,
}

impl fmt::Display for LeftOutWords {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count > 0 {
            let dots = if self.is_first_cut { "..." } else { "" };
            write!(out, "over {MAX_COMMAND_LINE_BYTES} bytes; '{}{dots}'", self.first)?;
            match self.count {
                1 => out.write_str(" is ignored"),
                2 => out.write_str(" and one more word are ignored"),
                count => write!(out, " and {} more words are ignored", count.saturating_sub(1)),
            }?;
        }
        if let Some(CutSource { name, read_bytes }) = self.cut {
            let separator = if self.count > 0 { "; " } else { "" };
            write!(out, "{separator}only the words in the first {read_bytes} bytes of {name} are read")?;
        }
        Ok(())
    }
}

impl CommandLine {
    /// No words.
    pub const fn new() -> Self {
        Self {
            text: ArrayString::new_const(),
            left_out: LeftOutWords {
                count: 0,
                first: ArrayString::new_const(),
                is_first_cut: false,
                cut: None,
            },
        }
    }

    /// All words that there was room for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What does not count; `None` if all words do.
    pub fn left_out(&self) -> Option<&LeftOutWords> {
        (self.left_out.count > 0 || self.left_out.cut.is_some()).then_some(&self.left_out)
    }

    /// Adds words. They are separated by ASCII white space or zero bytes.
    pub fn add(&mut self, bytes: impl IntoIterator<Item = u8>) {
        let last = self.add_separated(bytes);
        self.add_word(&last);
    }

    /// Adds the words that end within the first `max_bytes` of a source of `size_bytes`. Where that is not all, the
    /// source is named in [`CommandLine::left_out`].
    pub fn add_source(
        &mut self,
        name: &'static str,
        size_bytes: usize,
        bytes: impl IntoIterator<Item = u8>,
        max_bytes: usize,
    ) {
        if size_bytes <= max_bytes {
            return self.add(bytes);
        }
        // The last word may be the start of a longer one, and words count as a whole or not at all.
        self.add_separated(bytes.into_iter().take(max_bytes));
        self.left_out.cut = Some(CutSource { name, read_bytes: max_bytes });
    }

    /// Adds all words that something follows, and returns the last one.
    fn add_separated(&mut self, bytes: impl IntoIterator<Item = u8>) -> Word {
        let mut word = Word::default();
        for byte in bytes {
            if byte == 0 || byte.is_ascii_whitespace() {
                self.add_word(&word);
                word = Word::default();
            } else if word.bytes.try_push(byte).is_err() {
                word.is_too_long = true;
            }
        }
        word
    }

    /// Counts a word that there is no room for.
    fn leave_out(&mut self, word: &str) {
        let left_out = &mut self.left_out;
        if left_out.count == 0 {
            left_out.is_first_cut = !word.chars().all(|character| left_out.first.try_push(character).is_ok());
        }
        left_out.count = left_out.count.saturating_add(1);
    }

    fn add_word(&mut self, word: &Word) {
        if word.bytes.is_empty() {
            return;
        }
        let whole = self.text.len();
        let blank = if whole == 0 { "" } else { " " };
        let mut has_room = !word.is_too_long && self.text.try_push_str(blank).is_ok();
        for piece in word.bytes.utf8_chunks() {
            let replaced = if piece.invalid().is_empty() { "" } else { "\u{fffd}" };
            for part in [piece.valid(), replaced] {
                has_room = has_room && self.text.try_push_str(part).is_ok();
            }
        }
        if !has_room {
            self.text.truncate(whole);
            let start = word.bytes.utf8_chunks().next().map_or("", |piece| piece.valid());
            self.leave_out(start);
        }
    }
}

impl Default for CommandLine {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text())
    }
}

/// A word that is being read.
#[derive(Default)]
struct Word {
    bytes: ArrayVec<u8, MAX_COMMAND_LINE_BYTES>,
    is_too_long: bool,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(parts: &[&[u8]]) -> CommandLine {
        let mut line = CommandLine::new();
        for part in parts {
            line.add(part.iter().copied());
        }
        line
    }

    fn told(line: &CommandLine) -> String {
        line.left_out().map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn bad_bytes_concern_their_word_alone() {
        for (bytes, text) in [
            (&b"log=debug heap=\xff demo=memstat"[..], "log=debug heap=\u{fffd} demo=memstat"),
            (b"\xc3 a", "\u{fffd} a"),
            (b"a \xe2\x82", "a \u{fffd}"),
            (b"a\xff\xfeb\tc\0d\n", "a\u{fffd}\u{fffd}b c d"),
            (b"  a   b ", "a b"),
            (b"", ""),
        ] {
            let line = line(&[bytes]);
            assert_eq!(line.text(), text);
            assert!(line.left_out().is_none(), "{text}");
        }
        assert_eq!(line(&[b"a", b"", b"b c"]).text(), "a b c");
    }

    #[test]
    fn words_count_as_a_whole_or_not_at_all() {
        let long = "x".repeat(MAX_COMMAND_LINE_BYTES - 4);
        let line = line(&[long.as_bytes(), b"memstat.arena=64K", b"a b c"]);
        assert!(line.text() == format!("{long} a b"), "short words fit behind a long one that does not");
        assert_eq!(told(&line), "over 2048 bytes; 'memstat.arena=64K' and one more word are ignored");
        let longer = "é".repeat(MAX_COMMAND_LINE_BYTES);
        let line = self::line(&[longer.as_bytes(), b"heap=tlsf"]);
        assert_eq!(line.text(), "heap=tlsf");
        let shown = &longer[..MAX_SHOWN_BYTES];
        assert_eq!(told(&line), format!("over 2048 bytes; '{shown}...' is ignored"));
    }

    #[test]
    fn a_source_that_is_cut_says_what_was_read_of_it() {
        for (bytes, max_bytes, text, said) in [
            (&b"a bc"[..], 4, "a bc", ""),
            (b"a bc", 3, "a", "only the words in the first 3 bytes of file are read"),
            (b"a bc de", 5, "a bc", "only the words in the first 5 bytes of file are read"),
            (b"abc", 2, "", "only the words in the first 2 bytes of file are read"),
        ] {
            let mut line = CommandLine::new();
            line.add_source("file", bytes.len(), bytes.iter().copied(), max_bytes);
            assert_eq!((line.text(), told(&line).as_str()), (text, said));
        }
        let mut line = line(&["x".repeat(MAX_COMMAND_LINE_BYTES).as_bytes()]);
        line.add_source("file", 5, *b"a b c", 4);
        let expected = "over 2048 bytes; 'a' and one more word are ignored; \
                        only the words in the first 4 bytes of file are read";
        assert_eq!(told(&line), expected);
    }

    #[test]
    fn words_without_room_are_told_in_singular_and_plural() {
        let long = "x".repeat(MAX_COMMAND_LINE_BYTES);
        for (words, said) in [
            (&["one"][..], "'one' is ignored"),
            (&["one", "two"], "'one' and one more word are ignored"),
            (&["one", "two", "three"], "'one' and 2 more words are ignored"),
        ] {
            let mut line = line(&[long.as_bytes()]);
            for word in words {
                line.leave_out(word);
            }
            assert_eq!(told(&line), format!("over 2048 bytes; {said}"));
        }
    }

    proptest! {
        #[test]
        fn each_word_is_there_or_counted(words in prop::collection::vec(
            prop::collection::vec(b'!'..=u8::MAX, 1..400), 0..30,
        )) {
            let mut line = CommandLine::new();
            line.add(words.join(&b' '));
            let expected: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            let mut kept = line.text().split_ascii_whitespace().peekable();
            let mut left_out = 0;
            for word in &expected {
                if kept.next_if_eq(&word.as_str()).is_none() {
                    left_out += 1;
                }
            }
            prop_assert_eq!(kept.next(), None);
            prop_assert_eq!(line.left_out().map_or(0, |words| words.count), left_out);
            let bytes: usize = expected.iter().map(|word| word.len() + 1).sum();
            prop_assert_eq!(left_out > 0, bytes > MAX_COMMAND_LINE_BYTES + 1);
        }
    }
}

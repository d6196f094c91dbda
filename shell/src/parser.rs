//! From a line to words: quotes, backslashes, `;` between commands, `#` comments.
//!
//! The grammar is a small part of the POSIX shell's (IEEE Std 1003.1-2017, 2.2 and 2.3). The operators that
//! are not there yet (`|`, `>`, `<`, `&`) are refused by name where they are not quoted, so that a line that
//! counts on them does not run half.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};

use crate::line_editor::MOST_LINE_BYTES;

/// Words of one command.
pub const MOST_WORDS: usize = 64;

/// Why a command could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// A quote is not closed.
    OpenQuote(char),
    /// More words than [`MOST_WORDS`].
    TooManyWords,
    /// An operator that this shell does not have.
    Operator(char),
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenQuote(quote) => write!(out, "the quote {quote} is not closed"),
            Self::TooManyWords => write!(out, "more than {MOST_WORDS} words in a command"),
            Self::Operator(operator) => {
                write!(out, "'{operator}' is not supported; quote it to use it as a character")
            }
        }
    }
}

/// The words of one command, unquoted.
#[derive(Clone, Debug, Default)]
pub struct Words {
    text: ArrayString<MOST_LINE_BYTES>,
    ends: ArrayVec<usize, MOST_WORDS>,
}

impl Words {
    /// The words as slices.
    pub fn as_slices(&self) -> ArrayVec<&str, MOST_WORDS> {
        let mut start = 0;
        let mut slices = ArrayVec::new();
        for &end in &self.ends {
            slices.push(self.text.get(start..end).unwrap_or_default());
            start = end;
        }
        slices
    }

    fn push(&mut self, character: char) {
        // Unquoting makes a line no longer, so its text always fits.
        let _ = self.text.try_push(character);
    }

    fn end_word(&mut self) -> Result<(), ParseError> {
        self.ends.try_push(self.text.len()).map_err(|_| ParseError::TooManyWords)
    }
}

/// Takes the commands of a line one after the other.
#[derive(Clone, Debug)]
pub struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// A parser for a line of at most [`MOST_LINE_BYTES`] bytes.
    pub fn new(line: &'a str) -> Self {
        Self { rest: line }
    }

    /// Puts the next command's words, maybe none, into `words`; `false` at the line's end.
    ///
    /// # Errors
    ///
    /// [`ParseError`]; the rest of the line is dropped then.
    pub fn next_command(&mut self, words: &mut Words) -> Result<bool, ParseError> {
        words.text.clear();
        words.ends.clear();
        if self.rest.is_empty() {
            return Ok(false);
        }
        let line = core::mem::take(&mut self.rest);
        let mut characters = line.char_indices();
        let mut is_in_word = false;
        while let Some((at, character)) = characters.next() {
            match character {
                ';' => {
                    self.rest = line.get(at + 1..).unwrap_or_default();
                    break;
                }
                '#' if !is_in_word => break,
                '|' | '>' | '<' | '&' => return Err(ParseError::Operator(character)),
                ' ' | '\t' => {
                    if core::mem::take(&mut is_in_word) {
                        words.end_word()?;
                    }
                }
                _ => {
                    is_in_word = true;
                    take_part(character, &mut characters, words)?;
                }
            }
        }
        if is_in_word {
            words.end_word()?;
        }
        Ok(true)
    }
}

/// Takes a quoted part, an escaped character or a plain one.
fn take_part(
    first: char,
    rest: &mut core::str::CharIndices<'_>,
    words: &mut Words,
) -> Result<(), ParseError> {
    match first {
        '\\' => {
            if let Some((_, escaped)) = rest.next() {
                words.push(escaped);
            }
            Ok(())
        }
        quote @ ('\'' | '"') => loop {
            match rest.next() {
                None => return Err(ParseError::OpenQuote(quote)),
                Some((_, character)) if character == quote => return Ok(()),
                Some((_, '\\')) if quote == '"' => match rest.next() {
                    Some((_, escaped @ ('"' | '\\'))) => words.push(escaped),
                    Some((_, other)) => {
                        words.push('\\');
                        words.push(other);
                    }
                    None => return Err(ParseError::OpenQuote(quote)),
                },
                Some((_, character)) => words.push(character),
            }
        },
        plain => {
            words.push(plain);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Result<Vec<Vec<String>>, ParseError> {
        let mut parser = Parser::new(line);
        let mut words = Words::default();
        let mut commands = Vec::new();
        while parser.next_command(&mut words)? {
            commands.push(words.as_slices().iter().map(|word| (*word).to_owned()).collect());
        }
        Ok(commands)
    }

    #[test]
    fn words_quotes_and_sequences() {
        let expect = |line: &str, commands: &[&[&str]]| {
            let commands: Vec<Vec<String>> =
                commands.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect();
            assert_eq!(parse(line), Ok(commands), "{line}");
        };
        expect("", &[]);
        expect("  ls   -l\t/proc ", &[&["ls", "-l", "/proc"]]);
        expect("cat a; cat b;", &[&["cat", "a"], &["cat", "b"]]);
        expect("echo 'a  b' \"c \\\" d\" e\\ f ''", &[&["echo", "a  b", "c \" d", "e f", ""]]);
        expect("echo a#b # c; d", &[&["echo", "a#b"]]);
        expect("echo '|>;'", &[&["echo", "|>;"]]);
        expect(";;", &[&[], &[]]);
    }

    #[test]
    fn what_cannot_be_run_is_named() {
        assert_eq!(parse("echo 'a"), Err(ParseError::OpenQuote('\'')));
        assert_eq!(parse("echo \"a\\"), Err(ParseError::OpenQuote('"')));
        assert_eq!(parse("cat a > b"), Err(ParseError::Operator('>')));
        assert_eq!(parse(&"x ".repeat(65)), Err(ParseError::TooManyWords));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn quoted_words_come_out_as_they_went_in(words in prop::collection::vec("[^'\0]{0,12}", 1..20)) {
            let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(parse(&line), Ok(vec![words]));
        }

        #[test]
        fn any_line_gets_an_answer(line in any::<String>()) {
            let _ = parse(&line);
        }
    }
}

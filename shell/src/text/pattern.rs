//! Patterns: basic regular expressions without brackets and groups, matched byte by byte.
//!
//! `.` stands for any byte, `*` for any number of what is before it, `^` and `$` for a line's ends, `\` takes
//! the next character as it is (IEEE Std 1003.1-2017, 9.3). Brackets and groups are refused by name. All
//! ways to match are followed at once, as a set of bits, so a byte costs no more than the pattern is long,
//! and nothing of the line need be kept.

use core::fmt;

use arrayvec::ArrayVec;

/// Elements of a pattern.
const MAX_ELEMENTS: usize = 127;

/// Why a pattern cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// More elements than fit.
    TooLong,
    /// It ends with a backslash.
    Backslash,
    /// A form that is not there: brackets, groups and the like.
    Unsupported(char),
}

impl fmt::Display for PatternError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(out, "the pattern has more than {MAX_ELEMENTS} characters"),
            Self::Backslash => write!(out, "the pattern ends with a backslash"),
            Self::Unsupported('[') => write!(out, "'[' is not supported in a pattern; \\[ is the character"),
            Self::Unsupported(character) => write!(out, "'\\{character}' is not supported in a pattern"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Element {
    /// The byte; `None` for any.
    byte: Option<u8>,
    /// Whether it may stand any number of times.
    is_repeated: bool,
}

/// Which letters are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Kept,
    Folded,
}

/// A pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    elements: ArrayVec<Element, MAX_ELEMENTS>,
    is_at_start: bool,
    is_at_end: bool,
    case: Case,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// [`PatternError`]
    pub(crate) fn new(text: &str) -> Result<Self, PatternError> {
        let mut bytes = text.as_bytes();
        let mut pattern =
            Self { elements: ArrayVec::new(), is_at_start: false, is_at_end: false, case: Case::Kept };
        if let Some(rest) = bytes.strip_prefix(b"^") {
            pattern.is_at_start = true;
            bytes = rest;
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            let byte = match byte {
                b'$' if rest.is_empty() => {
                    pattern.is_at_end = true;
                    break;
                }
                b'*' => match pattern.elements.last_mut() {
                    Some(element) => {
                        element.is_repeated = true;
                        continue;
                    }
                    None => Some(byte),
                },
                b'.' => None,
                b'[' => return Err(PatternError::Unsupported('[')),
                b'\\' => {
                    let (&escaped, rest) = rest.split_first().ok_or(PatternError::Backslash)?;
                    bytes = rest;
                    if escaped.is_ascii_alphanumeric() || b"(){}+?|<>".contains(&escaped) {
                        return Err(PatternError::Unsupported(escaped.into()));
                    }
                    Some(escaped)
                }
                plain => Some(plain),
            };
            let element = Element { byte, is_repeated: false };
            pattern.elements.try_push(element).map_err(|_| PatternError::TooLong)?;
        }
        Ok(pattern)
    }

    /// The characters as they are.
    ///
    /// # Errors
    ///
    /// [`PatternError::TooLong`]
    pub(crate) fn literal(text: &str) -> Result<Self, PatternError> {
        let elements = text.bytes().map(|byte| Element { byte: Some(byte), is_repeated: false });
        if text.len() > MAX_ELEMENTS {
            return Err(PatternError::TooLong);
        }
        Ok(Self { elements: elements.collect(), is_at_start: false, is_at_end: false, case: Case::Kept })
    }

    /// The same, for large and small letters of ASCII alike.
    #[must_use]
    pub(crate) fn folded(mut self) -> Self {
        for element in &mut self.elements {
            element.byte = element.byte.map(|byte| byte.to_ascii_lowercase());
        }
        self.case = Case::Folded;
        self
    }

    /// The same, for lines that match from their beginning to their end.
    pub(crate) fn of_whole_lines(self) -> Self {
        Self { is_at_start: true, is_at_end: true, ..self }
    }

    /// Adds what can be reached from a set of places without a byte: elements that may stand no time.
    fn closed(&self, mut places: u128) -> u128 {
        for (place, element) in self.elements.iter().enumerate() {
            if element.is_repeated {
                places |= (places & bit(place)) << 1;
            }
        }
        places
    }

    /// The places that `byte` leads to.
    fn step(&self, places: u128, byte: u8) -> u128 {
        let byte = if self.case == Case::Folded { byte.to_ascii_lowercase() } else { byte };
        let mut next = 0;
        let mut left = places;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            left &= !bit(place);
            // Behind the last element nothing more is wanted.
            let Some(element) = self.elements.get(place) else { break };
            if element.byte.is_none_or(|own| own == byte) {
                next |= if element.is_repeated { bit(place) } else { bit(place) << 1 };
            }
        }
        self.closed(next)
    }
}

/// The set of one place. There are no more places than bits.
fn bit(place: usize) -> u128 {
    1_u128.checked_shl(place as u32).unwrap_or(0)
}

/// Holds lines against a pattern.
#[derive(Debug)]
pub(crate) struct Matcher<'a> {
    pattern: &'a Pattern,
    start: u128,
    places: u128,
    is_found: bool,
}

impl<'a> Matcher<'a> {
    /// At the beginning of a line.
    pub(crate) fn new(pattern: &'a Pattern) -> Self {
        let start = pattern.closed(1);
        let mut matcher = Self { pattern, start, places: start, is_found: false };
        matcher.note();
        matcher
    }

    /// Takes some of the line's bytes in.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.is_found {
                return;
            }
            self.places = self.pattern.step(self.places, byte);
            if !self.pattern.is_at_start {
                self.places |= self.start;
            }
            self.note();
        }
    }

    /// Ends the line: did it match?
    pub(crate) fn end(&mut self) -> bool {
        let is_found = self.is_found || self.is_at_last();
        *self = Self::new(self.pattern);
        is_found
    }

    fn is_at_last(&self) -> bool {
        self.places & bit(self.pattern.elements.len()) != 0
    }

    fn note(&mut self) {
        self.is_found |= !self.pattern.is_at_end && self.is_at_last();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_match(pattern: &str, line: &str) -> bool {
        let pattern = Pattern::new(pattern).unwrap();
        let mut matcher = Matcher::new(&pattern);
        matcher.feed(line.as_bytes());
        matcher.end()
    }

    #[test]
    fn patterns_match_as_in_posix() {
        for (pattern, matching, other) in [
            ("", "anything", None),
            ("ab", "xaby", Some("a b")),
            ("^ab", "abc", Some("xab")),
            ("ab$", "xab", Some("abx")),
            ("^$", "", Some("a")),
            ("a.c", "xabc", Some("ac")),
            ("a.*c", "a12c", Some("c12a")),
            ("^a*$", "aaa", Some("aab")),
            ("*a", "*a", Some("a")),
            ("a*b", "b", Some("a")),
            (r"\.", "a.b", Some("ab")),
            ("a^b$c", "a^b$c", Some("abc")),
        ] {
            assert!(is_match(pattern, matching), "{pattern} does not match {matching}");
            assert!(other.is_none_or(|other| !is_match(pattern, other)), "{pattern} matches {other:?}");
        }
    }

    #[test]
    fn literal_pattern_has_no_special_characters() {
        let pattern = Pattern::literal("a.*[$").unwrap();
        for (line, is_found) in [("xa.*[$x", true), ("ab*[$", false)] {
            let mut matcher = Matcher::new(&pattern);
            matcher.feed(line.as_bytes());
            assert_eq!(matcher.end(), is_found, "{line}");
        }
    }

    #[test]
    fn folded_pattern_takes_both_cases() {
        let pattern = Pattern::new("MemT").unwrap().folded();
        let mut matcher = Matcher::new(&pattern);
        matcher.feed(b"memtotal");
        assert!(matcher.end());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert_eq!(Pattern::new("[a]").unwrap_err(), PatternError::Unsupported('['));
        assert_eq!(Pattern::new(r"\(a\)").unwrap_err(), PatternError::Unsupported('('));
        assert_eq!(Pattern::new("a\\").unwrap_err(), PatternError::Backslash);
        assert_eq!(Pattern::new(&"a".repeat(MAX_ELEMENTS + 1)).unwrap_err(), PatternError::TooLong);
        assert!(Pattern::new(&"a".repeat(MAX_ELEMENTS)).is_ok());
    }

    /// The model: whether `elements` match at the beginning of `line`, tried one way after the other.
    fn matches_here(elements: &[Element], is_at_end: bool, line: &[u8]) -> bool {
        let Some((first, rest)) = elements.split_first() else { return !is_at_end || line.is_empty() };
        let is_same = line.first().is_some_and(|byte| first.byte.is_none_or(|own| own == *byte));
        if first.is_repeated {
            return matches_here(rest, is_at_end, line)
                || is_same && matches_here(elements, is_at_end, &line[1..]);
        }
        is_same && matches_here(rest, is_at_end, &line[1..])
    }

    proptest! {
        #[test]
        fn set_of_places_finds_what_trying_finds(pattern in "\\^?[ab.*]{0,8}\\$?", line in "[abc]{0,10}") {
            let parsed = Pattern::new(&pattern).unwrap();
            let last = if parsed.is_at_start { 0 } else { line.len() };
            let expected = (0..=last)
                .any(|from| matches_here(&parsed.elements, parsed.is_at_end, &line.as_bytes()[from..]));
            prop_assert_eq!(is_match(&pattern, &line), expected);
        }

        #[test]
        fn any_pattern_gets_an_answer(pattern in any::<String>(), line in any::<String>()) {
            if let Ok(pattern) = Pattern::new(&pattern) {
                let mut matcher = Matcher::new(&pattern);
                matcher.feed(line.as_bytes());
                matcher.end();
            }
        }
    }
}

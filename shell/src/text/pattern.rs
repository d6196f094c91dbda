//! Patterns: basic regular expressions without brackets and groups, matched byte by byte.
//!
//! `.` matches any byte, `*` any number of the preceding element, `^` and `$` the start and end of a line; `\` makes the
//! next character literal (IEEE Std 1003.1-2017, 9.3). Brackets and groups are refused by name. The pattern is a
//! nondeterministic automaton whose states are bits: the time for a byte is bounded by the pattern's length, and the
//! line need not be kept.

use core::fmt;

use arrayvec::ArrayVec;

/// Maximum number of elements in a pattern; with the end state they fit into 128 bits.
const MAX_ELEMENTS: usize = 127;

/// Why a pattern cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// More elements than fit.
    TooLong,
    /// It ends with a backslash.
    Backslash,
    /// Unsupported syntax: brackets, groups and the like.
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
    /// Whether it matches any number of times, 0 included.
    is_repeated: bool,
}

/// Whether case matters.
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
    /// Parses a pattern.
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

    /// A pattern that matches the text literally.
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

    /// The same pattern, without regard to the case of ASCII letters.
    #[must_use]
    pub(crate) fn folded(mut self) -> Self {
        for element in &mut self.elements {
            element.byte = element.byte.map(|byte| byte.to_ascii_lowercase());
        }
        self.case = Case::Folded;
        self
    }

    /// The same pattern, which now must match a whole line.
    pub(crate) fn of_whole_lines(self) -> Self {
        Self { is_at_start: true, is_at_end: true, ..self }
    }

    /// Adds the states reached without a byte: a repeated element may be skipped.
    fn closed(&self, mut states: u128) -> u128 {
        for (state, element) in self.elements.iter().enumerate() {
            if element.is_repeated {
                states |= (states & bit(state)) << 1;
            }
        }
        states
    }

    /// The states that `byte` leads to.
    fn step(&self, states: u128, byte: u8) -> u128 {
        let byte = if self.case == Case::Folded { byte.to_ascii_lowercase() } else { byte };
        let mut next = 0;
        let mut left = states;
        while left != 0 {
            let state = left.trailing_zeros() as usize;
            left &= !bit(state);
            // The end state has no element.
            let Some(element) = self.elements.get(state) else { break };
            if element.byte.is_none_or(|own| own == byte) {
                next |= if element.is_repeated { bit(state) } else { bit(state) << 1 };
            }
        }
        self.closed(next)
    }
}

/// The set of one state. There are no more states than bits.
fn bit(state: usize) -> u128 {
    1_u128.checked_shl(state as u32).unwrap_or(0)
}

/// Matches lines against a pattern.
#[derive(Debug)]
pub(crate) struct Matcher<'a> {
    pattern: &'a Pattern,
    start: u128,
    states: u128,
    is_found: bool,
}

impl<'a> Matcher<'a> {
    /// A matcher at the beginning of a line.
    pub(crate) fn new(pattern: &'a Pattern) -> Self {
        let start = pattern.closed(1);
        let mut matcher = Self { pattern, start, states: start, is_found: false };
        matcher.update_found();
        matcher
    }

    /// Takes the next bytes of the line.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.is_found {
                return;
            }
            self.states = self.pattern.step(self.states, byte);
            if !self.pattern.is_at_start {
                self.states |= self.start;
            }
            self.update_found();
        }
    }

    /// Ends the line, and returns whether it matched.
    pub(crate) fn end(&mut self) -> bool {
        let is_found = self.is_found || self.is_at_last();
        *self = Self::new(self.pattern);
        is_found
    }

    fn is_at_last(&self) -> bool {
        self.states & bit(self.pattern.elements.len()) != 0
    }

    fn update_found(&mut self) {
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

    /// The model: whether `elements` match at the beginning of `line`, by backtracking.
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
        fn set_of_states_finds_what_backtracking_finds(pattern in "\\^?[ab.*]{0,8}\\$?", line in "[abc]{0,10}") {
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

//! Suggestions for misspelt names: the known name with the smallest edit distance.

use core::fmt;

/// Of longer names, only this many characters are compared.
const MAX_CHARACTERS: usize = 24;

/// The name that differs from `word` by at most two typing errors, or one in a word of up to three characters: a
/// character too many, missing or wrong, or two swapped. The nearest name wins, and the first of equally near ones.
fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let max_errors = if word.chars().count() > 3 { 2 } else { 1 };
    let names = names.into_iter().map(|name| (edit_distance(word, name), name));
    // Of equals `min_by_key` takes the first.
    names
        .filter(|(errors, name)| *errors <= max_errors && *errors < name.chars().count())
        .min_by_key(|(errors, _)| *errors)
        .map(|(_, name)| name)
}

/// Typing errors between two words: their Damerau-Levenshtein distance, in the variant that changes no part twice
/// (optimal string alignment).
fn edit_distance(one: &str, other: &str) -> usize {
    const WIDTH: usize = MAX_CHARACTERS + 1;
    // Rows of the table of distances between beginnings: two before this one.
    let (mut before_last, mut last) = ([0; WIDTH], [0; WIDTH]);
    let at = |row: &[usize; WIDTH], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
    for (column, slot) in last.iter_mut().enumerate() {
        *slot = column;
    }
    let mut previous = None;
    for (number, character) in one.chars().take(MAX_CHARACTERS).enumerate() {
        let mut this = [number.saturating_add(1); WIDTH];
        let mut other_previous = None;
        for (column, own) in other.chars().take(MAX_CHARACTERS).enumerate() {
            let next = column.saturating_add(1);
            let is_other = usize::from(character != own);
            let mut errors = at(&last, column).saturating_add(is_other);
            errors = errors.min(at(&last, next).saturating_add(1)).min(at(&this, column).saturating_add(1));
            if previous == Some(own)
                && other_previous == Some(character)
                && let Some(two_back) = column.checked_sub(1)
            {
                errors = errors.min(at(&before_last, two_back).saturating_add(1));
            }
            if let Some(slot) = this.get_mut(next) {
                *slot = errors;
            }
            other_previous = Some(own);
        }
        (before_last, last) = (last, this);
        previous = Some(character);
    }
    at(&last, other.chars().take(MAX_CHARACTERS).count())
}

/// The end of a message about an unknown word: `; did you mean NAME?`, or `; ` and another hint.
#[derive(Clone, Copy, Debug)]
pub struct Suggestion<'n, T> {
    name: Option<&'n str>,
    otherwise: T,
}

impl<'n, T: fmt::Display> Suggestion<'n, T> {
    /// The nearest of the names, or else `otherwise`.
    pub fn new(word: &str, names: impl IntoIterator<Item = &'n str>, otherwise: T) -> Self {
        Self { name: nearest(word, names), otherwise }
    }
}

impl<T: fmt::Display> fmt::Display for Suggestion<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(out, "; did you mean {name}?"),
            None => write!(out, "; {}", self.otherwise),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_are_counted() {
        for (one, other, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "ab", 1),
            ("ab", "abc", 1),
            ("abc", "axc", 1),
            ("abc", "acb", 1),
            ("abcd", "badc", 2),
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("\u{e4}b", "ab", 1),
        ] {
            assert_eq!(
                (edit_distance(one, other), edit_distance(other, one)),
                (expected, expected),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn nearest_name_is_found() {
        let names = ["head", "help", "leaks", "ls", "cat", "mv", "memstat"];
        for (word, expected) in [
            ("haed", Some("head")),
            ("leak", Some("leaks")),
            ("memsat", Some("memstat")),
            ("mesmtta", Some("memstat")),
            ("sl", Some("ls")),
            ("lz", Some("ls")),
            ("xy", None),
            ("", None),
            ("catt", Some("cat")),
            ("frobnicate", None),
        ] {
            assert_eq!(nearest(word, names), expected, "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_compared(one in "\\PC{0,40}", other in "\\PC{0,40}") {
            prop_assert_eq!(edit_distance(&one, &other), edit_distance(&other, &one));
            prop_assert_eq!(edit_distance(&one, &one), 0);
        }
    }
}

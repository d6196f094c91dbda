//! The name that a person probably meant.

use core::fmt;

/// Longer names than this are compared by their beginnings.
const MAX_CHARACTERS: usize = 24;

/// The name that is one or two slips away from `word`: a character too many, missing, wrong, or two in the other's
/// place. Of several the nearest, of equally near ones the first. In a word of up to three characters one slip counts.
fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let max_slips = if word.chars().count() > 3 { 2 } else { 1 };
    let names = names.into_iter().map(|name| (slips(word, name), name));
    // Of equals `min_by_key` takes the first.
    names
        .filter(|(slips, name)| *slips <= max_slips && *slips < name.chars().count())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// Slips between two words: the distance of Damerau and Levenshtein, as far as no part is changed twice.
fn slips(one: &str, other: &str) -> usize {
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
            let mut slips = at(&last, column).saturating_add(is_other);
            slips = slips.min(at(&last, next).saturating_add(1)).min(at(&this, column).saturating_add(1));
            if previous == Some(own)
                && other_previous == Some(character)
                && let Some(two_back) = column.checked_sub(1)
            {
                slips = slips.min(at(&before_last, two_back).saturating_add(1));
            }
            if let Some(slot) = this.get_mut(next) {
                *slot = slips;
            }
            other_previous = Some(own);
        }
        (before_last, last) = (last, this);
        previous = Some(character);
    }
    at(&last, other.chars().take(MAX_CHARACTERS).count())
}

/// What to say behind an unknown word: `; did you mean NAME?`, or else something else behind `; `.
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
    fn slips_are_counted() {
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
            assert_eq!((slips(one, other), slips(other, one)), (expected, expected), "{one} {other}");
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
            prop_assert_eq!(slips(&one, &other), slips(&other, &one));
            prop_assert_eq!(slips(&one, &one), 0);
        }
    }
}

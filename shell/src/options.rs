//! Options of a command: POSIX's guidelines (IEEE Std 1003.1-2017, 12.2), and options behind operands too.

use arrayvec::ArrayVec;

use crate::parser::MAX_WORDS;

/// What stood behind a command's name.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The letters that were given.
    given: ArrayVec<u8, MAX_WORDS>,
    /// The number behind the option that takes one.
    pub number: Option<u64>,
    /// The words that are no options.
    pub operands: ArrayVec<&'a str, MAX_WORDS>,
}

impl<'a> Options<'a> {
    /// Takes words apart: `letters` are options without a value, `numbered` is one with a whole number
    /// (`-n 5`, `-n5` or `-5`). `None` if there is any other.
    pub fn parse(words: &[&'a str], letters: &str, numbered: Option<char>) -> Option<Self> {
        let mut options = Self { given: ArrayVec::new(), number: None, operands: ArrayVec::new() };
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            match word.strip_prefix('-') {
                Some("-") => rest.by_ref().try_for_each(|word| options.operands.try_push(word)).ok()?,
                Some(group) if !group.is_empty() => options.take(group, letters, numbered, &mut rest)?,
                _ => options.operands.try_push(word).ok()?,
            }
        }
        Some(options)
    }

    /// Takes the options behind one dash; the number may be the next word.
    fn take(
        &mut self,
        group: &str,
        letters: &str,
        numbered: Option<char>,
        next: &mut impl Iterator<Item = &'a str>,
    ) -> Option<()> {
        let mut rest = group.chars();
        while let Some(letter) = rest.clone().next() {
            if numbered.is_some() && letter.is_ascii_digit() {
                self.number = Some(rest.as_str().parse().ok()?);
                return Some(());
            }
            rest.next();
            if Some(letter) == numbered {
                let value = if rest.as_str().is_empty() { next.next()? } else { rest.as_str() };
                self.number = Some(value.parse().ok()?);
                return Some(());
            }
            if !letters.contains(letter) {
                return None;
            }
            // A letter that is given more often than there is room for says nothing new.
            let _ = self.given.try_push(letter as u8);
        }
        Some(())
    }

    /// Whether an option was given.
    pub fn has(&self, letter: char) -> bool {
        self.given.iter().any(|given| char::from(*given) == letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn options_stand_anywhere_before_two_dashes() {
        let options = Options::parse(&["-la", "x", "-r", "-", "--", "-z"], "lar", None).unwrap();
        assert!(options.has('l') && options.has('a') && options.has('r') && !options.has('z'));
        assert_eq!(options.operands.as_slice(), ["x", "-", "-z"]);
        assert!(Options::parse(&["-x"], "la", None).is_none());
        assert!(Options::parse(&["-5"], "la", None).is_none());
    }

    #[test]
    fn numbers_come_in_three_forms() {
        for words in [&["-n", "12", "f"][..], &["-n12", "f"], &["-12", "f"], &["f", "-vn", "12"]] {
            let options = Options::parse(words, "v", Some('n')).unwrap();
            assert_eq!((options.number, options.operands.as_slice()), (Some(12), &["f"][..]));
        }
        for words in [&["-n"][..], &["-n", "x"], &["-n-1"], &["-99999999999999999999"]] {
            assert!(Options::parse(words, "", Some('n')).is_none(), "{words:?}");
        }
    }

    proptest! {
        #[test]
        fn any_words_get_an_answer(words in prop::collection::vec("-{0,2}\\PC{0,5}", 0..64)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let _ = Options::parse(&words, "abc", Some('n'));
        }
    }
}

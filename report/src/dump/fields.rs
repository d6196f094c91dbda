//! The fields of a line, in order.

use std::str::{FromStr, SplitAsciiWhitespace};

/// The fields that are left of a line.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    words: SplitAsciiWhitespace<'a>,
    /// The line's first word, and how many fields were read: for messages.
    kind: &'a str,
    read: usize,
}

impl<'a> Fields<'a> {
    /// The line's first word, and the fields behind it.
    pub(super) fn new(text: &'a str) -> (&'a str, Self) {
        let mut words = text.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        (kind, Self { words, kind, read: 0 })
    }

    /// The next field as it is, if there is one.
    pub(super) fn next_word(&mut self) -> Option<&'a str> {
        self.read += 1;
        self.words.next()
    }

    fn word(&mut self) -> Result<&'a str, String> {
        self.next_word().ok_or_else(|| format!("'{}': field {} is missing", self.kind, self.read))
    }

    fn parse<T>(&self, word: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        parse(word)
            .ok_or_else(|| format!("'{}': field {}: expected a number, not '{word}'", self.kind, self.read))
    }

    /// The next field, a decimal number.
    pub(super) fn number<T: FromStr>(&mut self) -> Result<T, String> {
        let word = self.word()?;
        self.parse(word, |word| word.parse().ok())
    }

    /// The next field, a decimal number, or `usual` at the end of the line.
    pub(super) fn number_or<T: FromStr>(&mut self, usual: T) -> Result<T, String> {
        match self.next_word() {
            Some(word) => self.parse(word, |word| word.parse().ok()),
            None => Ok(usual),
        }
    }

    /// The next field, a decimal number or `-`.
    pub(super) fn optional(&mut self) -> Result<Option<u64>, String> {
        match self.word()? {
            "-" => Ok(None),
            word => self.parse(word, |word| word.parse().ok()).map(Some),
        }
    }

    /// The next field, a hexadecimal number.
    pub(super) fn hex(&mut self) -> Result<u64, String> {
        let word = self.word()?;
        self.parse(word, |word| u64::from_str_radix(word, 16).ok())
    }

    /// All fields that are left, hexadecimal numbers.
    pub(super) fn all_hex(mut self) -> Result<Vec<u64>, String> {
        let mut numbers = Vec::new();
        while let Some(word) = self.next_word() {
            numbers.push(self.parse(word, |word| u64::from_str_radix(word, 16).ok())?);
        }
        Ok(numbers)
    }

    /// The next field, a text.
    pub(super) fn text(&mut self) -> Result<String, String> {
        Ok(decoded(self.word()?))
    }
}

/// A text from its one word: `%` and two digits are a byte, `-` is empty.
fn decoded(word: &str) -> String {
    if word == "-" {
        return String::new();
    }
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let digits = others.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { others.get(2..).unwrap_or_default() } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_and_broken_escapes_stay() {
        assert_eq!(
            ["-", "%2d", "a%20b", "%c3%a9", "%", "%4", "%zz", "%%41"].map(decoded),
            ["", "-", "a b", "é", "%", "%4", "%zz", "%A"]
        );
    }

    #[test]
    fn messages_name_the_line_and_the_field() {
        let (_, mut fields) = Fields::new("s 1 x");
        assert_eq!(fields.number::<u32>(), Ok(1));
        assert_eq!(fields.number::<u32>(), Err("'s': field 2: expected a number, not 'x'".into()));
        assert_eq!(fields.number::<u32>(), Err("'s': field 3 is missing".into()));
    }
}

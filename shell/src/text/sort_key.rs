//! Sort keys: which parts of a line they are, and how they are compared.
//!
//! Source: IEEE Std 1003.1-2017, XCU, sort. Characters are bytes, as in the POSIX locale.

use core::cmp::Ordering;

/// How keys are compared: the ordering options of sort(1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Manner {
    /// Leading blanks of the key are skipped.
    skips_blanks: bool,
    /// Only blanks, letters and digits count.
    is_dictionary: bool,
    /// Case is ignored.
    is_case_folded: bool,
    /// Only printable characters count.
    is_printable: bool,
    /// Keys are compared by the number they begin with.
    is_numeric: bool,
    /// The result is reversed.
    pub(crate) is_reversed: bool,
}

impl Manner {
    /// The ordering of these option letters; `None` if one is unknown.
    pub(crate) fn parse(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self::default(), Self::with)
    }

    fn with(mut self, letter: char) -> Option<Self> {
        *match letter {
            'b' => &mut self.skips_blanks,
            'd' => &mut self.is_dictionary,
            'f' => &mut self.is_case_folded,
            'i' => &mut self.is_printable,
            'n' => &mut self.is_numeric,
            'r' => &mut self.is_reversed,
            _ => return None,
        } = true;
        Some(self)
    }

    fn compare(self, one: &[u8], other: &[u8]) -> Ordering {
        let order = if self.is_numeric {
            Number::of(one).cmp(&Number::of(other))
        } else if self
            == (Self { is_reversed: self.is_reversed, skips_blanks: self.skips_blanks, ..Self::default() })
        {
            one.cmp(other)
        } else {
            self.counting(one).cmp(self.counting(other))
        };
        if self.is_reversed { order.reverse() } else { order }
    }

    /// The bytes that count.
    fn counting(self, key: &[u8]) -> impl Iterator<Item = u8> {
        let counts = move |byte: &u8| {
            (!self.is_dictionary || is_blank(*byte) || byte.is_ascii_alphanumeric())
                && (!self.is_printable || matches!(byte, b' '..=b'~'))
        };
        key.iter()
            .copied()
            .filter(counts)
            .map(move |byte| if self.is_case_folded { byte.to_ascii_uppercase() } else { byte })
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A position in a line: a byte of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Counted from 1.
    field: usize,
    /// Counted from 1; 0 for the end of the field.
    byte: usize,
    /// Whether `byte` counts from the first non-blank byte of the field.
    skips_blanks: bool,
}

impl Place {
    /// Parses a start or end of a key, `FIELD[.BYTE][LETTERS]`; returns the letters as well.
    fn parse(text: &str, default_byte: usize) -> Option<(Self, &str)> {
        let (field, rest) = split_number(text)?;
        let (byte, letters) = match rest.strip_prefix('.') {
            Some(rest) => split_number(rest)?,
            None => (default_byte, rest),
        };
        let skips_blanks = letters.contains('b');
        (field > 0).then_some((Self { field, byte, skips_blanks }, letters))
    }

    /// The offset in a line.
    fn in_line(self, line: &[u8], separator: Option<u8>) -> usize {
        let mut rest = line;
        for _ in 1..self.field {
            rest = behind_field(rest, separator);
            rest = match separator {
                Some(_) => rest.get(1..).unwrap_or_default(),
                None => rest,
            };
        }
        if self.byte == 0 {
            return line.len().saturating_sub(behind_field(rest, separator).len());
        }
        if self.skips_blanks {
            rest = behind_blanks(rest);
        }
        let start = line.len().saturating_sub(rest.len());
        start.saturating_add(self.byte.saturating_sub(1)).min(line.len())
    }
}

fn split_number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

fn behind_blanks(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|byte| is_blank(**byte)).count();
    text.get(count..).unwrap_or_default()
}

/// What follows a field: the separator and the rest. Without a separator, leading blanks are a part of the field.
fn behind_field(text: &[u8], separator: Option<u8>) -> &[u8] {
    let is_end = |byte: u8| separator.map_or(is_blank(byte), |separator| byte == separator);
    let text = if separator.is_none() { behind_blanks(text) } else { text };
    let length = text.iter().take_while(|byte| !is_end(**byte)).count();
    text.get(length..).unwrap_or_default()
}

/// A key: where it begins and ends in a line, and how it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortKey {
    start: Place,
    /// `None` for the end of the line.
    end: Option<Place>,
    /// `None` for the ordering of the command.
    manner: Option<Manner>,
}

impl SortKey {
    /// Parses the value of `-k`: `START[,END]`, each `FIELD[.BYTE][LETTERS]`. `None` if it is invalid.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (start, end) = match text.split_once(',') {
            Some((start, end)) => (start, Some(end)),
            None => (text, None),
        };
        let (start, letters) = Place::parse(start, 1)?;
        if start.byte == 0 {
            return None;
        }
        let mut manner = Manner::parse(letters)?;
        let mut has_manner = !letters.is_empty();
        let end = match end {
            Some(end) => {
                let (end, letters) = Place::parse(end, 0)?;
                has_manner |= !letters.is_empty();
                manner = letters.chars().try_fold(manner, Manner::with)?;
                // Byte 0 of an end is the end of the field, with or without leading blanks.
                Some(end).map(|end| {
                    if end.byte == 0 { end } else { Place { byte: end.byte.saturating_add(1), ..end } }
                })
            }
            None => None,
        };
        Some(Self { start, end, manner: has_manner.then_some(manner) })
    }

    fn in_line<'l>(&self, line: &'l [u8], manner: Manner, separator: Option<u8>) -> &'l [u8] {
        let skips_blanks = self.manner.is_none() && manner.skips_blanks;
        let at = |place: Place| {
            let skips_blanks = place.skips_blanks || skips_blanks;
            Place { skips_blanks, ..place }.in_line(line, separator)
        };
        let start = at(self.start);
        let end = self.end.map_or(line.len(), at).max(start);
        line.get(start..end).unwrap_or_default()
    }
}

/// The order of lines.
#[derive(Clone, Debug)]
pub(crate) struct Order<'a> {
    /// Keys, the most significant first; without any, the whole line is the key.
    pub(crate) keys: &'a [SortKey],
    /// How keys without an ordering of their own are compared.
    pub(crate) manner: Manner,
    /// The field separator; blanks if `None`.
    pub(crate) separator: Option<u8>,
}

impl Order<'_> {
    /// Compares the keys of two lines.
    pub(crate) fn compare(&self, one: &[u8], other: &[u8]) -> Ordering {
        if self.keys.is_empty() {
            let key = |line| if self.manner.skips_blanks { behind_blanks(line) } else { line };
            return self.manner.compare(key(one), key(other));
        }
        let orders = self.keys.iter().map(|key| {
            let key_of = |line| key.in_line(line, self.manner, self.separator);
            key.manner.unwrap_or(self.manner).compare(key_of(one), key_of(other))
        });
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// The number that a key begins with: blanks, an optional minus sign, digits, an optional point. Anything else is 0.
#[derive(Debug, PartialEq, Eq)]
struct Number<'a> {
    is_negative: bool,
    /// Digits without leading zeros.
    whole: &'a [u8],
    /// Digits without trailing zeros.
    fraction: &'a [u8],
}

impl<'a> Number<'a> {
    fn of(key: &'a [u8]) -> Self {
        let key = behind_blanks(key);
        let (is_negative, key) = key.strip_prefix(b"-").map_or((false, key), |rest| (true, rest));
        let digits = |text: &'a [u8]| {
            let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            text.split_at_checked(count).unwrap_or_default()
        };
        let (mut whole, rest) = digits(key);
        let mut fraction = rest.strip_prefix(b".").map_or(&[][..], |rest| digits(rest).0);
        while let Some(rest) = whole.strip_prefix(b"0") {
            whole = rest;
        }
        while let Some(rest) = fraction.strip_suffix(b"0") {
            fraction = rest;
        }
        Self { is_negative: is_negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let size = |one: &Self, other: &Self| {
            let whole = one.whole.len().cmp(&other.whole.len()).then_with(|| one.whole.cmp(other.whole));
            // Of two fractions, one of which begins with the other, the longer is larger: it has no trailing zeros.
            whole.then_with(|| one.fraction.cmp(other.fraction))
        };
        match (self.is_negative, other.is_negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key_of<'l>(key: &str, line: &'l str, separator: Option<u8>) -> &'l str {
        let key = SortKey::parse(key).unwrap();
        str::from_utf8(key.in_line(line.as_bytes(), Manner::default(), separator)).unwrap()
    }

    #[test]
    fn keys_are_cut_out_of_lines_as_posix_says() {
        for (key, line, separator, expected) in [
            ("1", "a b  c", None, "a b  c"),
            ("2", "a b  c", None, " b  c"),
            ("2b", "a b  c", None, "b  c"),
            ("3,3", "a b  c d", None, "  c"),
            ("3b,3", "a b  c d", None, "c"),
            ("2.2,2", "a bcd e", None, "bcd"),
            ("2.2b,2.3b", "a  bcd e", None, "cd"),
            ("1.2,1.2", "abc", None, "b"),
            ("1,1", "  a b", None, "  a"),
            ("4", "a b", None, ""),
            ("2,1", "a b", None, ""),
            ("2,2", "a::c", Some(b':'), ""),
            ("2", "a:b:c", Some(b':'), "b:c"),
            ("3,3", "a:b:c d:e", Some(b':'), "c d"),
            ("1,1", ":b", Some(b':'), ""),
        ] {
            assert_eq!(key_of(key, line, separator), expected, "-k {key} of {line:?}");
        }
        for key in ["", "0", "x", "1x", "1,", "1,0", "1.0", "1.,2", "-1", "1,2,3", "1n2"] {
            assert_eq!(SortKey::parse(key), None, "{key}");
        }
    }

    #[test]
    fn numbers_are_compared_to_the_last_digit() {
        let sorted = [
            "-10",
            "-1.5",
            "-1.25",
            "-.5",
            "-0.0",
            "0.10",
            "0.123",
            " 0.9",
            "1",
            "\t1.0000000000000000000001",
            "09.5",
            "10",
            "99999999999999999999999999999",
        ];
        for (place, one) in sorted.iter().enumerate() {
            for (other_place, other) in sorted.iter().enumerate() {
                let order = Number::of(one.as_bytes()).cmp(&Number::of(other.as_bytes()));
                assert_eq!(order, place.cmp(&other_place), "{one} and {other}");
            }
        }
        for zero in ["", "x", "+5", "-", ".", "- 1", "-0", "00.00", "0x10"] {
            assert_eq!(Number::of(zero.as_bytes()).cmp(&Number::of(b"0")), Ordering::Equal, "{zero}");
        }
    }

    #[test]
    fn manners_say_what_counts() {
        let compare = |letters: &str, one: &str, other: &str| {
            let order = Order { keys: &[], manner: Manner::parse(letters).unwrap(), separator: None };
            order.compare(one.as_bytes(), other.as_bytes())
        };
        assert_eq!(compare("f", "aB", "Ab"), Ordering::Equal);
        assert_eq!(compare("d", "a-b", "ab"), Ordering::Equal);
        assert_eq!(compare("i", "a\x01b", "ab"), Ordering::Equal);
        assert_eq!(compare("b", "  a", "a"), Ordering::Equal);
        assert_eq!(compare("r", "a", "b"), Ordering::Greater);
        assert_eq!(compare("n", "2", "10"), Ordering::Less);
        assert_eq!(compare("", "B", "a"), Ordering::Less);
        assert_eq!(Manner::parse("x"), None);
    }

    proptest! {
        #[test]
        fn numbers_are_ordered_as_their_values(one in -1_000_000_i64..1_000_000, other in -1_000_000_i64..1_000_000) {
            let text = |number: i64| format!("{}{}.{:03}", if number < 0 { "-" } else { "" }, number.abs() / 1000, number.abs() % 1000);
            let order = Number::of(text(one).as_bytes()).cmp(&Number::of(text(other).as_bytes()));
            prop_assert_eq!(order, one.cmp(&other));
        }

        #[test]
        fn any_key_of_any_line_is_part_of_it(key in "[0-9]{1,2}(\\.[0-9]{1,2})?b?(,[0-9]{1,2}(\\.[0-9]{1,2})?b?)?", line in "[ab:\t ]{0,20}", has_separator in any::<bool>()) {
            let Some(key) = SortKey::parse(&key) else { return Ok(()) };
            let part = key.in_line(line.as_bytes(), Manner::default(), has_separator.then_some(b':'));
            prop_assert!(part.is_empty() || line.contains(str::from_utf8(part).unwrap()));
        }
    }
}

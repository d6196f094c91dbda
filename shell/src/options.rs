//! Parses a command's arguments: by POSIX's guidelines (IEEE Std 1003.1-2017, 12.2), with options after operands allowed
//! as well. What a command accepts is its [`Syntax`].

use arrayvec::ArrayVec;

use crate::parser::MAX_WORDS;
use crate::syntax::{Form, Syntax};

/// The parsed arguments of a command.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Options without a value: a bit for each letter, by its ASCII code.
    flags: u128,
    /// Options with a value, in the order given.
    values: ArrayVec<(char, &'a str), MAX_WORDS>,
    /// The words that are not options.
    pub operands: ArrayVec<&'a str, MAX_WORDS>,
}

/// Arguments that a command does not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misuse;

/// What the arguments ask for.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is short-lived, on the stack only")]
pub(crate) enum Request<'a> {
    /// Run the command.
    Run(Options<'a>),
    /// `--help`: explain it.
    Help,
}

impl<'a> Options<'a> {
    /// Parses arguments; [`Misuse`] if the command does not accept all of them.
    pub(crate) fn parse(words: &[&'a str], syntax: &Syntax) -> Result<Request<'a>, Misuse> {
        let mut options = Self { flags: 0, values: ArrayVec::new(), operands: ArrayVec::new() };
        let mut rest = words.iter().copied();
        if syntax.form == Form::Text {
            if words == ["--help"] {
                return Ok(Request::Help);
            }
            let is_option = |word: &str| word.strip_prefix('-').is_some_and(|flag| syntax.flags == flag);
            while let Some(word) = rest.clone().next().filter(|word| is_option(word)) {
                rest.next();
                options.flags |= word.chars().skip(1).map(bit).fold(0, |flags, flag| flags | flag);
            }
            options.add_operands(rest)?;
            return options.checked(syntax);
        }
        while let Some(word) = rest.next() {
            match word.strip_prefix('-') {
                Some("-") => options.add_operands(rest.by_ref())?,
                Some("-help") => return Ok(Request::Help),
                Some(group) if !group.is_empty() => options.take(group, syntax, &mut rest)?,
                _ => {
                    options.add_operands([word])?;
                    if syntax.form == Form::First {
                        options.add_operands(rest.by_ref())?;
                    }
                }
            }
        }
        options.checked(syntax)
    }

    fn add_operands(&mut self, words: impl IntoIterator<Item = &'a str>) -> Result<(), Misuse> {
        words.into_iter().try_for_each(|word| self.operands.try_push(word)).map_err(|_| Misuse)
    }

    fn checked(self, syntax: &Syntax) -> Result<Request<'a>, Misuse> {
        let are_numbers = self.values.iter().all(|&(letter, value)| {
            !syntax.numbers.contains(letter)
                || value.bytes().all(|byte| byte.is_ascii_digit()) && number(value).is_some()
        });
        let is_count_right = (syntax.min_operands..=syntax.max_operands).contains(&self.operands.len());
        if are_numbers && is_count_right { Ok(Request::Run(self)) } else { Err(Misuse) }
    }

    /// Parses the options after one dash; a value may be the next word.
    fn take(
        &mut self,
        group: &'a str,
        syntax: &Syntax,
        next: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), Misuse> {
        let mut rest = group.chars();
        while let Some(letter) = rest.clone().next() {
            if let Some(option) = syntax.digits.filter(|_| letter.is_ascii_digit()) {
                let digits = rest.as_str();
                let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
                return if is_number { self.add_value(option, digits) } else { Err(Misuse) };
            }
            rest.next();
            if syntax.has_value(letter) {
                let value = if rest.as_str().is_empty() { next.next().ok_or(Misuse)? } else { rest.as_str() };
                return self.add_value(letter, value);
            }
            if !syntax.flags.contains(letter) {
                return Err(Misuse);
            }
            self.flags |= bit(letter);
        }
        Ok(())
    }

    fn add_value(&mut self, letter: char, value: &'a str) -> Result<(), Misuse> {
        self.values.try_push((letter, value)).map_err(|_| Misuse)
    }

    /// Whether an option without a value was given.
    pub fn has(&self, letter: char) -> bool {
        self.flags & bit(letter) != 0
    }

    /// The values of an option, in the order given.
    pub fn values(&self, letter: char) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(given, _)| *given == letter).map(|(_, value)| *value)
    }

    /// The value of an option; the last one counts.
    pub fn value(&self, letter: char) -> Option<&'a str> {
        self.values(letter).last()
    }

    /// The number of an option; the last one counts.
    pub fn number(&self, letter: char) -> Option<u64> {
        self.value(letter).and_then(number)
    }
}

fn number(value: &str) -> Option<u64> {
    value.parse().ok()
}

/// The bit of an option's letter, which is ASCII; 0 for any other character.
fn bit(letter: char) -> u128 {
    1_u128.checked_shl(letter.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse<'a>(words: &[&'a str], syntax: Syntax) -> Option<Options<'a>> {
        match Options::parse(words, &syntax) {
            Ok(Request::Run(options)) => Some(options),
            _ => None,
        }
    }

    const ANY: Syntax = Syntax::at_least(0);

    #[test]
    fn options_stand_anywhere_before_two_dashes() {
        let options = parse(&["-la", "x", "-r", "-", "--", "-z"], ANY.flags("lar")).unwrap();
        assert!(options.has('l') && options.has('a') && options.has('r') && !options.has('z'));
        assert_eq!(options.operands.as_slice(), ["x", "-", "-z"]);
        assert!(parse(&["-x"], ANY.flags("la")).is_none());
        assert!(parse(&["-5"], ANY.flags("la")).is_none());
        assert!(parse(&["-\u{e4}"], ANY.flags("la")).is_none());
    }

    #[test]
    fn options_before_the_first_operand_only() {
        let options = parse(&["-a", "x", "-b", "--help"], ANY.flags("a").options_first()).unwrap();
        assert_eq!((options.has('a'), options.operands.as_slice()), (true, &["x", "-b", "--help"][..]));
    }

    #[test]
    fn text_is_no_option() {
        let echo = ANY.flags("n").text();
        let options = parse(&["-n", "-n", "-x", "-n", "--"], echo).unwrap();
        assert_eq!((options.has('n'), options.operands.as_slice()), (true, &["-x", "-n", "--"][..]));
        assert_eq!(parse(&["--help", "x"], echo).unwrap().operands.as_slice(), ["--help", "x"]);
        assert!(matches!(Options::parse(&["--help"], &echo), Ok(Request::Help)));
    }

    #[test]
    fn numbers_come_in_three_forms() {
        let head = ANY.flags("v").numbers("n").digits('n');
        for words in [&["-n", "12", "f"][..], &["-n12", "f"], &["-12", "f"], &["f", "-vn", "12"]] {
            let options = parse(words, head).unwrap();
            assert_eq!((options.number('n'), options.operands.as_slice()), (Some(12), &["f"][..]));
        }
        for words in
            [&["-n"][..], &["-n", "x"], &["-n-1"], &["-n", "+1"], &["-99999999999999999999"], &["-5x"]]
        {
            assert!(parse(words, head).is_none(), "{words:?}");
        }
        assert!(parse(&["-2", "f"], ANY.numbers("k")).is_none(), "no command but some takes -2 for -k 2");
        assert_eq!(
            parse(&["-k1", "-k", "2"], ANY.values("k")).unwrap().values('k').collect::<Vec<_>>(),
            ["1", "2"]
        );
    }

    #[test]
    fn option_is_seen_however_often_others_are_given() {
        let many = format!("-{}n", "v".repeat(64));
        assert!(parse(&[&many], ANY.flags("vn")).unwrap().has('n'));
        let many = format!("-{}", "v".repeat(64));
        assert!(parse(&[&many, "-n"], ANY.flags("vn")).unwrap().has('n'));
        assert_eq!(
            parse(&[&format!("{many}k"), "7"], ANY.flags("v").numbers("k")).unwrap().number('k'),
            Some(7)
        );
    }

    #[test]
    fn operands_are_counted() {
        for (words, fits) in
            [(&["a"][..], false), (&["a", "b"], true), (&["a", "b", "c"], true), (&["a"; 4], false)]
        {
            assert_eq!(parse(words, Syntax::operands(2, 3)).is_some(), fits, "{words:?}");
        }
        assert!(parse(&["x"], Syntax::NOTHING).is_none() && parse(&["-x"], Syntax::NOTHING).is_none());
        assert!(parse(&["--"], Syntax::NOTHING).is_some());
    }

    proptest! {
        #[test]
        fn any_words_get_an_answer(words in prop::collection::vec("-{0,2}\\PC{0,5}", 0..64)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let _ = Options::parse(&words, &ANY.flags("abc").values("k").numbers("n").digits('n'));
        }
    }
}

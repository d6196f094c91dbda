//! The arguments that a command accepts. Each command declares them in its table, and the session refuses all others
//! before the command runs, so no command can forget to check.

/// The options of a command and how many operands it takes.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Syntax {
    /// Letters of options without a value.
    pub(crate) flags: &'static str,
    /// Letters of options with a value.
    pub(crate) values: &'static str,
    /// Letters of options whose value is a whole number.
    pub(crate) numbers: &'static str,
    /// The option whose number may directly follow the dash, as in `-5`.
    pub(crate) digits: Option<char>,
    pub(crate) min_operands: usize,
    pub(crate) max_operands: usize,
    pub(crate) form: Form,
}

/// Where options may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Anywhere before `--`.
    Anywhere,
    /// Before the first operand; the rest belongs to a subcommand, or to a command that is run.
    First,
    /// At the beginning, and each a word of its own. All other words are text, `--` included.
    Text,
}

impl Syntax {
    /// No options and no operands.
    pub const NOTHING: Self = Self::operands(0, 0);

    /// Any number of words for a subcommand or a command that is run; the command's own options come before them.
    pub const SUBCOMMAND: Self = Self { form: Form::First, ..Self::at_least(0) };

    /// No options, and from `min` to `max` operands.
    pub const fn operands(min: usize, max: usize) -> Self {
        Self {
            flags: "",
            values: "",
            numbers: "",
            digits: None,
            min_operands: min,
            max_operands: max,
            form: Form::Anywhere,
        }
    }

    /// No options, and `min` operands or more.
    pub const fn at_least(min: usize) -> Self {
        Self::operands(min, usize::MAX)
    }

    /// With options without a value: a letter each.
    pub const fn flags(self, letters: &'static str) -> Self {
        Self { flags: letters, ..self }
    }

    /// With options that take a value: a letter each.
    pub const fn values(self, letters: &'static str) -> Self {
        Self { values: letters, ..self }
    }

    /// With options that take a whole number: a letter each.
    pub const fn numbers(self, letters: &'static str) -> Self {
        Self { numbers: letters, ..self }
    }

    /// With `-5` as a short form of `letter` with the value 5.
    pub const fn digits(self, letter: char) -> Self {
        Self { digits: Some(letter), ..self }
    }

    /// With options before the first operand only.
    pub const fn options_first(self) -> Self {
        Self { form: Form::First, ..self }
    }

    /// With all words as text, except for leading words that are exactly one of the options.
    pub const fn text(self) -> Self {
        Self { form: Form::Text, ..self }
    }

    /// Whether the option `letter` takes a value.
    pub(crate) fn has_value(&self, letter: char) -> bool {
        self.values.contains(letter) || self.numbers.contains(letter) || self.digits == Some(letter)
    }
}

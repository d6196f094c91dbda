//! From a line to words and operators, checked as a whole before anything of it runs.
//!
//! The grammar is a small part of the POSIX shell's (IEEE Std 1003.1-2017, 2.2, 2.3, 2.7 and 2.9): quotes,
//! backslashes and `#` comments; `;`, `&&` and `||` between pipelines; `|` between stages; `<`, `>` and `>>`;
//! `( )` around a list. What is not there (`&`, `<<`, `2>`, `$HOME`, `*`) is refused by name where it is not quoted, so
//! that a line that counts on it does not run half. [`super::tree`] gives what was parsed as a tree.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};

use crate::edited_line::MAX_LINE_BYTES;

mod check;

/// Words of one command.
pub const MAX_WORDS: usize = 64;
/// Groups within each other.
pub const MAX_DEPTH: usize = 4;

/// What stands between words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `;`
    Semicolon,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>>`
    Append,
    /// `(`
    Open,
    /// `)`
    Close,
}

impl Operator {
    /// How it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Semicolon => ";",
            Self::And => "&&",
            Self::Or => "||",
            Self::Pipe => "|",
            Self::Read => "<",
            Self::Write => ">",
            Self::Append => ">>",
            Self::Open => "(",
            Self::Close => ")",
        }
    }

    /// Whether a file's name must follow.
    pub(crate) fn is_redirection(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::Append)
    }
}

/// The beginning of what a message quotes of the line.
pub type Quoted = ArrayString<32>;

/// Why a line cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// A quote is not closed.
    OpenQuote(char),
    /// More words than [`MAX_WORDS`] in a command.
    TooManyWords,
    /// More than [`MAX_DEPTH`] groups within each other.
    TooDeep,
    /// More bytes than [`MAX_LINE_BYTES`].
    TooLong,
    /// An operator that this shell does not have.
    Unsupported(&'static str),
    /// A file descriptor's number before a redirection, with that.
    Descriptor(Quoted),
    /// A variable, or another expansion that begins with `$`.
    Variable(Quoted),
    /// A pattern for the names of files.
    Pattern,
    /// No command stands before an operator.
    NothingBefore(Operator),
    /// No command stands behind an operator.
    NothingBehind(Operator),
    /// No file's name stands behind a redirection.
    NoFile(Operator),
    /// A group stands where a word belongs.
    MisplacedGroup,
    /// A word stands right behind a group.
    WordBehindGroup,
    /// A `(` without its `)`.
    OpenGroup,
    /// A `)` without its `(`.
    NoGroup,
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenQuote(quote) => write!(out, "the quote {quote} is not closed"),
            Self::TooManyWords => write!(out, "more than {MAX_WORDS} words in a command"),
            Self::TooDeep => write!(out, "more than {MAX_DEPTH} groups within each other"),
            Self::TooLong => write!(out, "more than {MAX_LINE_BYTES} bytes in a line"),
            Self::Unsupported(operator) => {
                write!(out, "'{operator}' is not supported; quote it to use it as characters")
            }
            Self::Descriptor(redirection) => {
                write!(
                    out,
                    "'{redirection}' is not supported; put a blank behind the number to use it as a word"
                )
            }
            Self::Variable(text) => {
                write!(
                    out,
                    "'{text}' is not supported, as there are no variables; quote it with ' to use it as characters"
                )
            }
            Self::Pattern => {
                write!(
                    out,
                    "'*' is not supported, as there are no patterns for names; quote it to use it as a character"
                )
            }
            Self::NothingBefore(operator) => write!(out, "no command before '{}'", operator.text()),
            Self::NothingBehind(operator) => write!(out, "no command behind '{}'", operator.text()),
            Self::NoFile(operator) => write!(out, "no file name behind '{}'", operator.text()),
            Self::MisplacedGroup => {
                write!(out, "'(' must begin a command; quote it to use it as a character")
            }
            Self::WordBehindGroup => write!(out, "an operator must follow ')'"),
            Self::OpenGroup => write!(out, "'(' is not closed"),
            Self::NoGroup => write!(out, "')' without '('"),
        }
    }
}

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An unquoted word: where it lies in the line's text.
    Word {
        start: u16,
        end: u16,
    },
    Operator(Operator),
}

/// A line that was parsed: its words, unquoted, and its operators.
#[derive(Clone, Debug, Default)]
pub struct Line {
    text: ArrayString<MAX_LINE_BYTES>,
    /// Each stands for a byte of the line or more, so there is room for all.
    tokens: ArrayVec<Token, MAX_LINE_BYTES>,
}

impl Line {
    /// An empty line.
    pub const fn new() -> Self {
        Self { text: ArrayString::new_const(), tokens: ArrayVec::new_const() }
    }

    /// Puts another line in place of this one. After an error the line is empty.
    ///
    /// # Errors
    ///
    /// [`ParseError`]
    pub fn parse(&mut self, line: &str) -> Result<(), ParseError> {
        let parsed = self.read(line).and_then(|()| check::check(&self.tokens));
        if parsed.is_err() {
            self.text.clear();
            self.tokens.clear();
        }
        parsed
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The text of a word.
    pub(crate) fn word(&self, start: u16, end: u16) -> &str {
        self.text.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }

    /// Takes the line apart.
    fn read(&mut self, line: &str) -> Result<(), ParseError> {
        self.text.clear();
        self.tokens.clear();
        if line.len() > MAX_LINE_BYTES {
            return Err(ParseError::TooLong);
        }
        let mut rest = line;
        while let Some(character) = rest.chars().next() {
            if let Some((operator, behind)) = take_operator(rest)? {
                self.push(Token::Operator(operator))?;
                rest = behind;
            } else if matches!(character, ' ' | '\t') {
                rest = rest.get(1..).unwrap_or_default();
            } else if character == '#' {
                break;
            } else {
                rest = self.read_word(rest)?;
            }
        }
        Ok(())
    }

    /// Takes the word that `rest` begins with, and says what is behind it.
    fn read_word<'a>(&mut self, rest: &'a str) -> Result<&'a str, ParseError> {
        let start = self.text.len();
        let mut characters = rest.chars();
        while let Some(character) = characters.clone().next() {
            if matches!(character, ' ' | '\t' | ';' | '|' | '&' | '<' | '>' | '(' | ')') {
                break;
            }
            characters.next();
            self.read_part(character, &mut characters)?;
        }
        let behind = characters.as_str();
        let written = rest.get(..rest.len().saturating_sub(behind.len())).unwrap_or_default();
        if let (true, Some(operator @ ('<' | '>'))) =
            (written.bytes().all(|byte| byte.is_ascii_digit()), behind.chars().next())
        {
            return Err(ParseError::Descriptor(quoted(written.chars().chain([operator]))));
        }
        self.push(Token::Word { start: start as u16, end: self.text.len() as u16 })?;
        Ok(behind)
    }

    /// Takes a quoted part, an escaped character or a plain one.
    fn read_part(&mut self, first: char, rest: &mut core::str::Chars<'_>) -> Result<(), ParseError> {
        match first {
            '\\' => rest.next().map_or(Ok(()), |escaped| self.push_character(escaped)),
            quote @ ('\'' | '"') => loop {
                let is_expanded = quote == '"';
                match rest.next().ok_or(ParseError::OpenQuote(quote))? {
                    character if character == quote => return Ok(()),
                    '$' if is_expanded => self.read_dollar(rest)?,
                    '`' if is_expanded => return Err(ParseError::Unsupported("`")),
                    '\\' if is_expanded => match rest.next().ok_or(ParseError::OpenQuote(quote))? {
                        escaped @ ('"' | '\\' | '$' | '`') => self.push_character(escaped)?,
                        other => {
                            self.push_character('\\')?;
                            self.push_character(other)?;
                        }
                    },
                    character => self.push_character(character)?,
                }
            },
            '$' => self.read_dollar(rest),
            '*' => Err(ParseError::Pattern),
            '`' => Err(ParseError::Unsupported("`")),
            plain => self.push_character(plain),
        }
    }

    /// Takes a `$` that begins no expansion (IEEE Std 1003.1-2017, XCU 2.6).
    fn read_dollar(&mut self, rest: &core::str::Chars<'_>) -> Result<(), ParseError> {
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let Some(next) = rest.clone().next().filter(|next| is_name(*next) || "{(@*#?-$!".contains(*next))
        else {
            return self.push_character('$');
        };
        let name_length = rest.clone().take_while(|character| is_name(*character)).count();
        let length = if is_name(next) { name_length } else { 1 };
        Err(ParseError::Variable(quoted(['$'].into_iter().chain(rest.clone().take(length)))))
    }

    // Unquoting makes a line no longer, so neither of these runs out of room.

    fn push_character(&mut self, character: char) -> Result<(), ParseError> {
        self.text.try_push(character).map_err(|_| ParseError::TooLong)
    }

    fn push(&mut self, token: Token) -> Result<(), ParseError> {
        self.tokens.try_push(token).map_err(|_| ParseError::TooLong)
    }
}

/// As much of the characters as a message quotes.
fn quoted(characters: impl Iterator<Item = char>) -> Quoted {
    let mut text = Quoted::new();
    // What is longer is cut.
    let _ = characters.into_iter().try_for_each(|character| text.try_push(character));
    text
}

/// The operator that `rest` begins with, if it does, and what is behind it.
fn take_operator(rest: &str) -> Result<Option<(Operator, &str)>, ParseError> {
    // Longer ones first.
    const OPERATORS: [(&str, Option<Operator>); 17] = [
        ("&&", Some(Operator::And)),
        ("&", None),
        ("||", Some(Operator::Or)),
        ("|&", None),
        ("|", Some(Operator::Pipe)),
        (">>", Some(Operator::Append)),
        (">&", None),
        (">|", None),
        (">", Some(Operator::Write)),
        ("<<", None),
        ("<&", None),
        ("<>", None),
        ("<", Some(Operator::Read)),
        (";;", None),
        (";", Some(Operator::Semicolon)),
        ("(", Some(Operator::Open)),
        (")", Some(Operator::Close)),
    ];
    for (text, operator) in OPERATORS {
        if let Some(behind) = rest.strip_prefix(text) {
            let operator = operator.ok_or(ParseError::Unsupported(text))?;
            return Ok(Some((operator, behind)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;

//! Turns a line into words and operators, and checks all of it before any part runs.
//!
//! The grammar is a small part of the POSIX shell's (IEEE Std 1003.1-2017, 2.2, 2.3, 2.7 and 2.9): quotes,
//! backslashes and `#` comments; `;`, `&&` and `||` between pipelines; `|` between stages; `<`, `>` and `>>`;
//! `( )` around a list. Unsupported syntax (`&`, `<<`, `2>`, `$HOME`, `*`) is refused by name unless it is quoted, so
//! that a line that depends on it does not run in part. [`super::tree`] gives the parsed line as a tree.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};

use crate::edited_line::MAX_LINE_BYTES;

mod check;

/// Maximum number of words in one command.
pub const MAX_WORDS: usize = 64;
/// Maximum depth of nested groups.
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

/// The part of the line that a message quotes, cut to 32 bytes.
pub type Quoted = ArrayString<32>;

/// Why a line cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// A quote is not closed.
    OpenQuote(char),
    /// More words than [`MAX_WORDS`] in a command.
    TooManyWords,
    /// Groups nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// More bytes than [`MAX_LINE_BYTES`].
    TooLong,
    /// An operator that this shell does not have.
    Unsupported(&'static str),
    /// A redirection with the number of a file descriptor, as in `2>`.
    Descriptor(Quoted),
    /// A variable, or another expansion that begins with `$`.
    Variable(Quoted),
    /// A pattern for file names.
    Pattern,
    /// No command precedes an operator.
    NothingBefore(Operator),
    /// No command follows an operator.
    NothingBehind(Operator),
    /// No file name follows a redirection.
    NoFile(Operator),
    /// A group stands where a word belongs.
    MisplacedGroup,
    /// A word directly follows a group.
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
            Self::TooDeep => write!(out, "groups nested more than {MAX_DEPTH} deep"),
            Self::TooLong => write!(out, "more than {MAX_LINE_BYTES} bytes in a line"),
            Self::Unsupported(operator) => {
                write!(out, "'{operator}' is not supported; quote it to use it literally")
            }
            Self::Descriptor(redirection) => {
                write!(
                    out,
                    "'{redirection}' is not supported; put a space after the number to use it as a word"
                )
            }
            Self::Variable(text) => {
                write!(
                    out,
                    "'{text}' is not supported: there are no variables; quote it with ' to use it literally"
                )
            }
            Self::Pattern => {
                write!(
                    out,
                    "'*' is not supported: there are no file name patterns; quote it to use it literally"
                )
            }
            Self::NothingBefore(operator) => write!(out, "no command before '{}'", operator.text()),
            Self::NothingBehind(operator) => write!(out, "no command after '{}'", operator.text()),
            Self::NoFile(operator) => write!(out, "no file name after '{}'", operator.text()),
            Self::MisplacedGroup => {
                write!(out, "'(' must begin a command; quote it to use it literally")
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
    /// Each token takes at least one byte of the line, so there is room for all.
    tokens: ArrayVec<Token, MAX_LINE_BYTES>,
}

impl Line {
    /// An empty line.
    pub const fn new() -> Self {
        Self { text: ArrayString::new_const(), tokens: ArrayVec::new_const() }
    }

    /// Parses `line`, which replaces the previous one. After an error the line is empty.
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

    /// Splits the line into tokens.
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

    /// Reads the word that `rest` begins with, and returns what follows it.
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

    /// Reads a quoted part, an escaped character or a plain one.
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

    /// Reads a `$` that begins no expansion (IEEE Std 1003.1-2017, XCU 2.6).
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

    // Unquoted text is no longer than the line, so neither of these runs out of room.

    fn push_character(&mut self, character: char) -> Result<(), ParseError> {
        self.text.try_push(character).map_err(|_| ParseError::TooLong)
    }

    fn push(&mut self, token: Token) -> Result<(), ParseError> {
        self.tokens.try_push(token).map_err(|_| ParseError::TooLong)
    }
}

/// As many of the characters as fit into a message's quote.
fn quoted(characters: impl Iterator<Item = char>) -> Quoted {
    let mut text = Quoted::new();
    // The rest is cut off.
    let _ = characters.into_iter().try_for_each(|character| text.try_push(character));
    text
}

/// The operator that `rest` begins with, if any, and what follows it.
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

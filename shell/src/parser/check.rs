//! Checks that words and operators are where the grammar allows them.

use super::{MAX_DEPTH, MAX_WORDS, Operator, ParseError, Token};

/// What has just been read.
#[derive(Clone, Copy)]
enum At {
    /// The line's beginning, or an operator after which a command may begin.
    Start(Option<Operator>),
    /// A word or a redirection of a command, which has this number of words so far.
    Command { words: usize },
    /// A group, or a redirection after it.
    Group,
}

/// Checks a whole line.
pub(super) fn check(tokens: &[Token]) -> Result<(), ParseError> {
    let mut at = At::Start(None);
    let mut depth: usize = 0;
    let mut rest = tokens.iter();
    while let Some(token) = rest.next() {
        at = match *token {
            Token::Word { .. } => after_word(at)?,
            Token::Operator(operator) if operator.is_redirection() => {
                let Some(Token::Word { .. }) = rest.next() else { return Err(ParseError::NoFile(operator)) };
                match at {
                    At::Start(_) => At::Command { words: 0 },
                    at => at,
                }
            }
            Token::Operator(Operator::Open) => {
                let At::Start(_) = at else { return Err(ParseError::MisplacedGroup) };
                if depth == MAX_DEPTH {
                    return Err(ParseError::TooDeep);
                }
                depth = depth.saturating_add(1);
                At::Start(Some(Operator::Open))
            }
            Token::Operator(operator) => {
                check_end_of_command(at, operator)?;
                if operator == Operator::Close {
                    depth = depth.checked_sub(1).ok_or(ParseError::NoGroup)?;
                    At::Group
                } else {
                    At::Start(Some(operator))
                }
            }
        };
    }
    if let At::Start(Some(before)) = at
        && before != Operator::Semicolon
    {
        return Err(ParseError::NothingBehind(before));
    }
    if depth == 0 { Ok(()) } else { Err(ParseError::OpenGroup) }
}

fn after_word(at: At) -> Result<At, ParseError> {
    match at {
        At::Start(_) => Ok(At::Command { words: 1 }),
        At::Command { words } if words < MAX_WORDS => Ok(At::Command { words: words.saturating_add(1) }),
        At::Command { .. } => Err(ParseError::TooManyWords),
        At::Group => Err(ParseError::WordBehindGroup),
    }
}

/// Checks that `operator` may end what was read: a command must come before it, but a list may end with `;`.
fn check_end_of_command(at: At, operator: Operator) -> Result<(), ParseError> {
    match (at, operator) {
        (At::Command { .. } | At::Group, _) | (At::Start(Some(Operator::Semicolon)), Operator::Close) => {
            Ok(())
        }
        (At::Start(Some(before)), _) if before != Operator::Semicolon => {
            Err(ParseError::NothingBehind(before))
        }
        (At::Start(_), Operator::Close) => Err(ParseError::NoGroup),
        (At::Start(_), _) => Err(ParseError::NothingBefore(operator)),
    }
}

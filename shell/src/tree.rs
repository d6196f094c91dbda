//! A parsed line as a tree: a list of pipelines, pipelines of stages, stages of words or of a list.
//!
//! The tree is not stored: each part of it is a slice of the line's tokens.

use arrayvec::ArrayVec;

use crate::parser::{Line, MAX_WORDS, Operator, Token};

/// When a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    Always,
    /// If the previous one succeeded: after `&&`.
    Succeeded,
    /// If the previous one failed: after `||`.
    Failed,
}

/// A list: an iterator over its pipelines.
#[derive(Clone, Debug)]
pub struct List<'a> {
    line: &'a Line,
    rest: &'a [Token],
    condition: Condition,
}

/// A pipeline: an iterator over its stages. The output of each is the input of the next.
#[derive(Clone, Debug)]
pub struct Pipeline<'a> {
    line: &'a Line,
    rest: &'a [Token],
}

/// A stage: a command or a group, with its redirections.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    line: &'a Line,
    tokens: &'a [Token],
}

/// Where input comes from or output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirection<'a> {
    /// [`Operator::Read`], [`Operator::Write`] or [`Operator::Append`].
    pub operator: Operator,
    /// The file.
    pub path: &'a str,
}

impl Line {
    /// The line as a list.
    pub fn list(&self) -> List<'_> {
        List { line: self, rest: self.tokens(), condition: Condition::Always }
    }
}

impl<'a> Iterator for List<'a> {
    type Item = (Condition, Pipeline<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let is_end = |operator| matches!(operator, Operator::Semicolon | Operator::And | Operator::Or);
        let (part, end, behind) = split(self.rest, is_end);
        let condition = self.condition;
        self.condition = match end {
            Some(Operator::And) => Condition::Succeeded,
            Some(Operator::Or) => Condition::Failed,
            _ => Condition::Always,
        };
        self.rest = behind;
        Some((condition, Pipeline { line: self.line, rest: part }))
    }
}

impl<'a> Iterator for Pipeline<'a> {
    type Item = Stage<'a>;

    fn next(&mut self) -> Option<Stage<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (tokens, _, behind) = split(self.rest, |operator| operator == Operator::Pipe);
        self.rest = behind;
        Some(Stage { line: self.line, tokens })
    }
}

impl Pipeline<'_> {
    /// Whether there are no more stages.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Stage<'a> {
    /// The list of a group; `None` for a command.
    pub fn group(&self) -> Option<List<'a>> {
        let inside = self.tokens.strip_prefix(&[Token::Operator(Operator::Open)])?;
        let (inside, _, _) = split(inside, |operator| operator == Operator::Close);
        Some(List { line: self.line, rest: inside, condition: Condition::Always })
    }

    /// The words of a command; there may be none, only redirections. A group has none.
    pub fn words(&self) -> ArrayVec<&'a str, MAX_WORDS> {
        let mut words = ArrayVec::new();
        let mut rest = self.tokens.iter();
        while let Some(token) = rest.next() {
            match *token {
                // The parser has checked their number.
                Token::Word { start, end } => drop(words.try_push(self.line.word(start, end))),
                Token::Operator(operator) if operator.is_redirection() => drop(rest.next()),
                Token::Operator(_) => break,
            }
        }
        words
    }

    /// The redirections, in the line's order. The last one of a direction counts.
    pub fn redirections(&self) -> impl Iterator<Item = Redirection<'a>> {
        let line = self.line;
        let after_group = match self.tokens.first() {
            Some(Token::Operator(Operator::Open)) => {
                split(self.tokens.get(1..).unwrap_or_default(), |operator| operator == Operator::Close).2
            }
            _ => self.tokens,
        };
        after_group.windows(2).filter_map(move |pair| match *pair {
            [Token::Operator(operator), Token::Word { start, end }] if operator.is_redirection() => {
                Some(Redirection { operator, path: line.word(start, end) })
            }
            _ => None,
        })
    }
}

/// Splits at the first operator for which `is_end` holds, outside of groups.
fn split(tokens: &[Token], is_end: impl Fn(Operator) -> bool) -> (&[Token], Option<Operator>, &[Token]) {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate() {
        let Token::Operator(operator) = *token else { continue };
        if depth == 0 && is_end(operator) {
            let (part, behind) = tokens.split_at_checked(place).unwrap_or_default();
            return (part, Some(operator), behind.get(1..).unwrap_or_default());
        }
        match operator {
            Operator::Open => depth = depth.saturating_add(1),
            Operator::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (tokens, None, &[])
}

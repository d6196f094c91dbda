//! Where dumps come from: a file, or standard input, and which of the dumps in it.

use std::fs::File;
use std::io::{self, BufReader};

use memstat_report::dump::{Dump, State, read};

/// A name on the command line: `FILE`, `FILE#NUMBER`, or `-` for standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    path: String,
    /// Which of its dumps, from 1; `None` for the last whole one.
    number: Option<usize>,
}

impl Source {
    /// A name as it was given. What follows the last `#` is a dump's number, if it is one.
    pub(crate) fn new(name: &str) -> Self {
        let numbered = name.rsplit_once('#').and_then(|(path, number)| Some((path, number.parse().ok()?)));
        match numbered {
            Some((path, number)) => Self { path: path.into(), number: Some(number) },
            None => Self { path: name.into(), number: None },
        }
    }

    /// The file's name, for messages.
    pub(crate) fn name(&self) -> &str {
        if self.path == "-" { "standard input" } else { &self.path }
    }

    /// All dumps in it, in their order.
    pub(crate) fn dumps(&self) -> Result<Vec<Dump>, String> {
        let found = match self.path.as_str() {
            "-" => read(io::stdin().lock()),
            path => File::open(path).and_then(|file| read(BufReader::with_capacity(1 << 16, file))),
        };
        found.map_err(|error| format!("{}: {error}", self.name()))
    }

    /// The dump that is meant: the one with the number, or else the last whole one, or else the last.
    pub(crate) fn dump(&self) -> Result<Dump, String> {
        let mut dumps = self.dumps()?;
        let count = dumps.len();
        let index = match self.number {
            Some(number) => number.checked_sub(1).filter(|index| *index < count),
            None => dumps.iter().rposition(|dump| dump.state == State::Whole).or(count.checked_sub(1)),
        };
        match (index, count) {
            (Some(index), _) => Ok(dumps.swap_remove(index)),
            (None, 0) => {
                Err(format!("{}: no dump found; expected lines that begin with ~memstat-dump", self.name()))
            }
            (None, _) => Err(format!("{}: expected a dump's number from 1 to {count}", self.name())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_behind_the_name_is_that_of_a_dump() {
        let source = |path: &str, number| Source { path: path.into(), number };
        assert_eq!(Source::new("log"), source("log", None));
        assert_eq!(Source::new("log#2"), source("log", Some(2)));
        assert_eq!(Source::new("a#b"), source("a#b", None));
        assert_eq!(Source::new("-#1"), source("-", Some(1)));
    }
}

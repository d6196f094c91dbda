//! Where dumps come from: a file, or standard input, and which of the dumps in it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::time::{Duration, Instant};

use memstat_report::dump::{Dump, Live, Reader, State};

/// A name on the command line: `FILE`, `FILE#NUMBER`, or `-` for standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    path: String,
    /// Which of its dumps, from 1; `None` for the last whole one.
    number: Option<usize>,
}

/// Reading that takes longer than this shows how far it is.
const PATIENCE: Duration = Duration::from_secs(1);
/// A line without an end could take all memory; nothing of a dump is so long.
pub(crate) const MAX_LINE_BYTES: u64 = 1 << 20;
const BUFFER_BYTES: usize = 1 << 16;

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

    /// The file's path; `-` is standard input.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Opens it, and says how long it is if that is known.
    fn open(&self) -> Result<(Box<dyn BufRead>, Option<u64>), String> {
        if self.path == "-" {
            return Ok((Box::new(io::stdin().lock()), None));
        }
        let opened = File::open(&self.path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| format!("{}: {error}", self.name()))?;
        let size_bytes = metadata.is_file().then_some(metadata.len());
        Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), size_bytes))
    }

    /// Passes each dump with its number, from 1, to `visit`, in their order and one at a time.
    pub(crate) fn each_dump(&self, visit: &mut dyn FnMut(usize, Dump)) -> Result<(), String> {
        let (mut input, size_bytes) = self.open()?;
        let (mut reader, mut line) = (Reader::default(), Vec::new());
        let (mut progress, mut number) = (Progress::new(size_bytes), 0);
        let mut pass = |dumps: Vec<Dump>| {
            for dump in dumps {
                number += 1;
                visit(number, dump);
            }
        };
        loop {
            line.clear();
            let count = input
                .by_ref()
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line)
                .map_err(|error| format!("{}: {error}", self.name()))?;
            if count == 0 {
                break;
            }
            reader.line(&line);
            progress.add(count, self.name());
            if reader.has_dumps() {
                pass(reader.take());
            }
        }
        progress.end();
        pass(reader.finish());
        Ok(())
    }

    /// The dump that is meant: the one with the number, or else the last whole one, or else the last. `tell` gets a line
    /// about each later one that is not whole.
    pub(crate) fn dump(&self, tell: &mut dyn FnMut(String)) -> Result<Dump, String> {
        let (mut chosen, mut later, mut count) = (None::<Dump>, Vec::new(), 0);
        self.each_dump(&mut |number, dump| {
            count = number;
            match self.number {
                Some(wanted) if wanted == number => chosen = Some(dump),
                Some(_) => {}
                None => {
                    let is_whole = |dump: &Dump| dump.state == State::Whole;
                    if is_whole(&dump) {
                        later.clear();
                    } else {
                        later.push(self.told(number, &dump));
                    }
                    if is_whole(&dump) || !chosen.as_ref().is_some_and(is_whole) {
                        chosen = Some(dump);
                    }
                }
            }
        })?;
        let Some(dump) = chosen else { return Err(self.none(count)) };
        if dump.state == State::Whole {
            later.into_iter().for_each(tell);
        }
        Ok(dump)
    }

    /// All dumps with an end, or the one with the number; if there is none, the last. `tell` gets a line about each that is
    /// left out.
    pub(crate) fn ended_dumps(
        &self,
        tell: &mut dyn FnMut(String),
        visit: &mut dyn FnMut(Dump) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut broken, mut told) = (None, Vec::new());
        let (mut has_ended, mut count, mut result) = (false, 0, Ok(()));
        self.each_dump(&mut |number, dump| {
            count = number;
            let is_wanted = self.number.is_none_or(|wanted| wanted == number);
            if is_wanted && result.is_ok() {
                // Of a damaged one, what is whole: but nothing is known of one without its figures.
                let has_figures = dump.live != Live::default() || !dump.stacks.is_empty();
                if dump.state == State::Whole || dump.state == State::Damaged && has_figures {
                    has_ended = true;
                    result = visit(dump);
                } else {
                    told.push(self.told(number, &dump));
                    broken = Some(dump);
                }
            }
        })?;
        result?;
        match (has_ended, broken) {
            (true, _) => told.into_iter().for_each(tell),
            (false, Some(dump)) => visit(dump)?,
            (false, None) => return Err(self.none(count)),
        }
        Ok(())
    }

    fn told(&self, number: usize, dump: &Dump) -> String {
        let problem = dump.problems.first().map(|problem| format!(": {problem}")).unwrap_or_default();
        let line = dump.first_line;
        format!("{}#{number} line {line}: the dump is {}, and is not used{problem}", self.name(), dump.state)
    }

    fn none(&self, count: usize) -> String {
        match count {
            0 => format!(
                "{}: no dump found; expected lines that begin with ~memstat-dump, or a file of /proc",
                self.name()
            ),
            _ => format!("{}: expected a dump's number from 1 to {count}", self.name()),
        }
    }
}

/// How far reading is, on a terminal.
struct Progress {
    size_bytes: u64,
    read_bytes: u64,
    start: Instant,
    shown: Option<u64>,
    is_wanted: bool,
}

impl Progress {
    fn new(size_bytes: Option<u64>) -> Self {
        let is_wanted = size_bytes.is_some() && io::stderr().is_terminal();
        let size_bytes = size_bytes.unwrap_or(0).max(1);
        Self { size_bytes, read_bytes: 0, start: Instant::now(), shown: None, is_wanted }
    }

    fn add(&mut self, bytes: usize, name: &str) {
        self.read_bytes += bytes as u64;
        let percent = self.read_bytes.saturating_mul(100) / self.size_bytes;
        if self.is_wanted && self.shown != Some(percent) && self.start.elapsed() > PATIENCE {
            self.shown = Some(percent);
            eprint!("\rreading {name}: {percent} %");
        }
    }

    fn end(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
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

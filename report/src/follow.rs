//! `--follow`: reports again each time that a dump ends in a log that grows, or on a terminal.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use memstat_report::dump::{Dump, Reader, State};
use memstat_report::output::table::{Table, write_table};
use memstat_report::profile::Profile;

use crate::arguments::Arguments;
use crate::input::MAX_LINE_BYTES;
use crate::print;
use crate::reporting::{forget_blocks, named, program, save, symbols, written};

/// Dumps that are kept for a page. Of more, every second one is forgotten.
const MAX_DUMPS: usize = 60;
const HOME_AND_CLEAR: &str = "\x1b[H\x1b[2J";

/// What has come so far.
struct Followed<'a> {
    arguments: &'a Arguments,
    dumps: Vec<(Dump, Profile)>,
}

/// Follows the file until it ends: a file grows, and so never ends; a pipe or terminal does.
pub(crate) fn follow(arguments: &Arguments, look: Duration) -> Result<(), String> {
    let file = program(arguments)?;
    let symbols = symbols(arguments, file.as_deref())?;
    let Some(source) = arguments.sources.first() else { return Ok(()) };
    let mut followed = Followed { arguments, dumps: Vec::new() };
    let (mut reader, mut line) = (Reader::default(), Vec::new());
    let mut log = Log::open(source.path(), look)?;
    while log.read_line(&mut line).map_err(|error| format!("{}: {error}", source.name()))? {
        reader.line(&line);
        line.clear();
        for dump in reader.take() {
            if dump.state == State::Whole {
                followed.add(named(arguments, source, dump, symbols.as_ref())?)?;
            } else {
                let line = dump.first_line;
                eprintln!(
                    "memstat-report: {} line {line}: a dump is {}, and is not used",
                    source.name(),
                    dump.state
                );
            }
        }
    }
    Ok(())
}

impl Followed<'_> {
    fn add(&mut self, new: (Dump, Profile)) -> Result<(), String> {
        if self.dumps.len() >= MAX_DUMPS {
            let mut number = 0;
            self.dumps.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        if let Some((before, _)) = self.dumps.last_mut() {
            forget_blocks(before);
        }
        self.dumps.push(new);
        if let Some(path) = &self.arguments.output {
            save(path, &written(self.arguments, &self.dumps, None)?)?;
        }
        self.show()
    }

    /// The view for a terminal: the summary, and what grew since the first dump, or what is live in it.
    fn show(&self) -> Result<(), String> {
        let [(_, first), .., (dump, profile)] = self.dumps.as_slice() else {
            return match self.dumps.as_slice() {
                [(dump, profile)] => self.print(dump, profile, "live"),
                _ => Ok(()),
            };
        };
        let mut growth = profile.since(first);
        growth.samples.retain(|sample| self.arguments.value.of(&sample.values) > 0);
        self.print(dump, &growth, "what grew since the first dump")
    }

    fn print(&self, dump: &Dump, profile: &Profile, title: &str) -> Result<(), String> {
        let Arguments { value, top, .. } = *self.arguments;
        let mut text = String::new();
        if io::stdout().is_terminal() {
            text += HOME_AND_CLEAR;
        }
        // A string takes everything.
        let _ = write_table(Table::Summary, dump, profile, value, top, &mut text);
        let _ = writeln!(text, "\n{title}:");
        let _ = write_table(Table::Sites, dump, profile, value, top, &mut text);
        print(text.as_bytes())
    }
}

/// A log that others write to.
struct Log {
    input: Box<dyn BufRead>,
    /// The path of a plain file, and how far it was read.
    file: Option<(PathBuf, u64)>,
    look: Duration,
}

impl Log {
    fn open(path: &str, look: Duration) -> Result<Self, String> {
        if path == "-" {
            return Ok(Self { input: Box::new(io::stdin().lock()), file: None, look });
        }
        let file = std::fs::File::open(path).map_err(|error| format!("{path}: {error}"))?;
        let is_plain = file.metadata().is_ok_and(|metadata| metadata.is_file());
        let place = is_plain.then(|| (PathBuf::from(path), 0));
        Ok(Self { input: Box::new(io::BufReader::new(file)), file: place, look })
    }

    /// Adds the rest of a line; false at the end.
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            let count = match self.input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line) {
                // What the other end of a terminal leaves behind (Linux: EIO).
                Err(error) if error.raw_os_error() == Some(5) => 0,
                other => other?,
            };
            if line.ends_with(b"\n") || line.len() as u64 >= MAX_LINE_BYTES {
                self.file.iter_mut().for_each(|(_, place)| *place += count as u64);
                return Ok(true);
            }
            let Some((path, place)) = &mut self.file else { return Ok(count > 0) };
            *place += count as u64;
            if std::fs::metadata(&*path).is_ok_and(|metadata| metadata.len() < *place) {
                // Another boot began the log anew.
                let file = std::fs::File::open(&*path)?;
                (self.input, *place) = (Box::new(io::BufReader::new(file)), 0);
                line.clear();
            }
            thread::sleep(self.look);
        }
    }
}

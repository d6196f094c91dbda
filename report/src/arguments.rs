//! The command line: what its words mean. The options themselves stand in `options`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use memstat_report::output::Form;
use memstat_report::output::table::Table;
use memstat_report::profile::{Selection, Value as Measure};

use crate::input::Source;
use crate::options::Shell;

/// Rows of a table, if nothing is said.
const TOP: usize = 20;
/// The longest time between two looks at a log that is followed.
const LOOK: Duration = Duration::from_millis(250);
const TABLES: [Table; 5] = [Table::Summary, Table::Stacks, Table::Functions, Table::Sizes, Table::Ages];
/// The tables that show a selection. The others are always those of the whole dump.
const SELECTED_TABLES: [Table; 2] = [Table::Stacks, Table::Functions];

/// What a report is made of.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) form: Form,
    pub(crate) tables: Vec<Table>,
    pub(crate) value: Measure,
    pub(crate) top: usize,
    pub(crate) output: Option<PathBuf>,
    pub(crate) selection: Selection,
    /// At least one; only a page takes more.
    pub(crate) sources: Vec<Source>,
    pub(crate) base: Option<Source>,
    pub(crate) elf: Option<PathBuf>,
    pub(crate) offset: u64,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    Help,
    Version,
    ManPage,
    Completions(Shell),
    List(Vec<Source>),
    Report(Box<Arguments>),
    /// Report again each time that a dump ends, and look so often.
    Follow(Box<Arguments>, Duration),
}

/// The one of these with this name.
fn named<T: Copy>(what: &str, word: &str, all: &[(&str, T)]) -> Result<T, lexopt::Error> {
    let found = all.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    found.ok_or_else(|| format!("unknown {what} '{word}'; expected {}", names.join(", ")).into())
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            form: Form::Table,
            tables: Vec::new(),
            value: Measure::default(),
            top: TOP,
            output: None,
            selection: Selection::default(),
            sources: Vec::new(),
            base: None,
            elf: None,
            offset: 0,
        }
    }
}

impl Arguments {
    /// Reads the program's arguments; the first is its own name.
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Action, lexopt::Error> {
        let mut parser = lexopt::Parser::from_iter(words);
        let mut report = Self::default();
        let (mut is_list, mut is_followed, mut min_size, mut max_size) = (false, false, None, None);
        let selection = &mut report.selection;
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => return Ok(Action::Help),
                Long("version") => return Ok(Action::Version),
                Long("man") => return Ok(Action::ManPage),
                Long("completions") => {
                    let all = Shell::ALL.map(|shell| (shell.name(), shell));
                    return Ok(Action::Completions(named("shell", &parser.value()?.string()?, &all)?));
                }
                Long("list") => is_list = true,
                Long("follow") => is_followed = true,
                Long("form") | Short('f') => {
                    let all = Form::ALL.map(|form| (form.name(), form));
                    report.form = named("form", &parser.value()?.string()?, &all)?;
                }
                Long("table") | Short('t') => {
                    let all = Table::ALL.map(|table| (table.name(), table));
                    report.tables.push(named("table", &parser.value()?.string()?, &all)?);
                }
                Long("value") | Short('v') => {
                    let all = Measure::ALL.map(|value| (value.name(), value));
                    report.value = named("value", &parser.value()?.string()?, &all)?;
                }
                Long("output") | Short('o') => report.output = Some(parser.value()?.into()),
                Long("top") | Short('n') => report.top = parser.value()?.parse()?,
                Long("diff") => report.base = Some(Source::new(&parser.value()?.string()?)),
                Long("since") => selection.since = Some(parser.value()?.string()?),
                Long("function") => selection.function = Some(parser.value()?.string()?),
                Long("file") => selection.file = Some(parser.value()?.string()?),
                Long("min-size") => min_size = Some(parser.value()?.parse()?),
                Long("max-size") => max_size = Some(parser.value()?.parse()?),
                Long("elf") => report.elf = Some(parser.value()?.into()),
                Long("offset") => {
                    let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16);
                    report.offset = parser.value()?.parse_with(hex)?;
                }
                Value(name) => report.sources.push(Source::new(&name.string()?)),
                _ => return Err(argument.unexpected()),
            }
        }
        if min_size.is_some() || max_size.is_some() {
            selection.size_bytes = Some(min_size.unwrap_or(0)..=max_size.unwrap_or(u64::MAX));
        }
        report.complete(is_followed)?;
        Ok(match (is_list, is_followed) {
            (true, _) => Action::List(report.sources),
            (_, true) => Action::Follow(Box::new(report), LOOK),
            _ => Action::Report(Box::new(report)),
        })
    }

    /// Checks what belongs together, and adds what was not said.
    fn complete(&mut self, is_followed: bool) -> Result<(), lexopt::Error> {
        if self.sources.is_empty() {
            if self.base.is_some() {
                return Err("--diff needs two files: --diff BASE FILE".into());
            }
            self.sources.push(Source::new("-"));
        }
        if is_followed && (self.sources.len() > 1 || self.base.is_some()) {
            return Err("--follow takes one file, and no --diff".into());
        }
        if self.sources.len() > 1 && (self.form != Form::Html || self.base.is_some()) {
            return Err(
                "one file is expected; --diff takes a second one, and the form html any number".into()
            );
        }
        if self.tables.is_empty() {
            let is_whole = self.base.is_none() && self.selection == Selection::default();
            self.tables = if is_whole { TABLES.to_vec() } else { SELECTED_TABLES.to_vec() };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Action, String> {
        let words = std::iter::once("memstat-report").chain(line.split_whitespace()).map(OsString::from);
        Arguments::parse(words).map_err(|error| error.to_string())
    }

    #[test]
    fn mistakes_name_what_was_expected() {
        for (line, expected) in [
            (
                "--form x",
                "unknown form 'x'; expected table, folded, flame, icicle, pprof, speedscope, dhat, html",
            ),
            ("-v x", "unknown value 'x'; expected live-bytes, live-blocks, total-bytes, total-blocks"),
            ("--completions x", "unknown shell 'x'; expected bash, zsh, fish"),
            ("--diff a", "--diff needs two files: --diff BASE FILE"),
            ("a b", "one file is expected; --diff takes a second one, and the form html any number"),
            ("--follow --diff a b", "--follow takes one file, and no --diff"),
        ] {
            assert_eq!(parse(line).unwrap_err(), expected);
        }
        assert!(parse("--min-size x a").unwrap_err().contains('x'));
        assert!(parse("--what").unwrap_err().contains("--what"));
    }

    #[test]
    fn options_are_read() {
        let Action::Report(report) = parse("-f flame --diff a#1 --offset 0x10 --min-size 8 b -n 3").unwrap()
        else {
            panic!("no report");
        };
        assert_eq!((report.form, report.top, report.offset), (Form::Flame, 3, 16));
        assert_eq!((report.base, report.sources), (Some(Source::new("a#1")), vec![Source::new("b")]));
        assert_eq!(report.selection.size_bytes, Some(8..=u64::MAX));
        let Action::List(sources) = parse("--list").unwrap() else { panic!("no list") };
        assert_eq!(sources, [Source::new("-")]);
        let Action::Report(report) = parse("-f html a b").unwrap() else { panic!("no report") };
        assert_eq!(report.sources.len(), 2);
        assert!(matches!(parse("--follow log"), Ok(Action::Follow(..))));
    }
}

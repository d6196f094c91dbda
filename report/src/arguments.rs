//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;
use memstat_report::output::flame::Shape;
use memstat_report::output::table::Table;
use memstat_report::profile::{Selection, Value as Measure};

use crate::input::Source;

/// What `--help` shows.
pub(crate) const HELP: &str = "\
memstat-report: what a dump of memstat says, in tables, graphs and files for other tools

Usage: memstat-report [OPTIONS] [FILE[#NUMBER]]
       memstat-report [OPTIONS] --diff BASE[#NUMBER] FILE[#NUMBER]
       memstat-report --list [FILE...]

A FILE is a dump, or any log with dumps among its lines; - or none is standard input. Of several dumps, the last
whole one is used, or that with the NUMBER.

  -f, --form FORM       table (the default), folded, flame, icicle (both SVG), pprof (gzip), speedscope or dhat (JSON),
                        html (one page, to be opened in a browser)
  -t, --table TABLE     only this table, may be repeated: summary, stacks, sites, functions, sizes, ages, tasks.
                        Summary, sizes, ages and tasks are always those of the whole dump
  -o, --output FILE     write there instead of standard output
  -v, --value VALUE     live-bytes (the default), live-blocks, total-bytes or total-blocks
  -n, --top NUMBER      rows of a table at most (20)
      --diff BASE FILE  what FILE has more than BASE
      --since MARK      only blocks that came after a mark, or after the event with this number, and are live
      --function TEXT   only call stacks with a function whose name contains this
      --file TEXT       only call stacks with a place whose file:line contains this
      --min-size BYTES  only live blocks of at least this size
      --max-size BYTES  only live blocks of at most this size
      --elf FILE        name addresses from this program, if the dump has no names
      --offset HEX      by how much the addresses of the dump are higher than those in the program's file
      --list            one line for each dump, and what is wrong with it
      --help, --version

The exit status is 0, 1 if nothing could be reported, 2 for a wrong option, 3 if the dump was cut or damaged and what is
whole of it was used.
";

/// Rows of a table, if nothing is said.
const TOP: usize = 20;
const TABLES: [Table; 5] = [Table::Summary, Table::Stacks, Table::Functions, Table::Sizes, Table::Ages];

const SELECTED_TABLES: [Table; 2] = [Table::Stacks, Table::Functions];

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form<'a> {
    Table(&'a [Table]),
    Folded,
    Flame(Shape),
    Pprof,
    Speedscope,
    Dhat,
    Html,
}

/// What a report is made of.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) form: Form<'static>,
    pub(crate) value: Measure,
    pub(crate) top: usize,
    pub(crate) output: Option<PathBuf>,
    pub(crate) selection: Selection,
    pub(crate) source: Source,
    pub(crate) base: Option<Source>,
    pub(crate) elf: Option<PathBuf>,
    pub(crate) offset: u64,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    Help,
    Version,
    List(Vec<Source>),
    Report(Box<Arguments>),
}

/// The one of these with this name.
fn named<T: Copy>(what: &str, word: &str, all: &[(&str, T)]) -> Result<T, lexopt::Error> {
    let found = all.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    found.ok_or_else(|| format!("unknown {what} '{word}'; expected {}", names.join(", ")).into())
}

const FORMS: [(&str, Form<'static>); 8] = [
    ("table", Form::Table(&TABLES)),
    ("folded", Form::Folded),
    ("flame", Form::Flame(Shape::Flames)),
    ("icicle", Form::Flame(Shape::Icicles)),
    ("pprof", Form::Pprof),
    ("speedscope", Form::Speedscope),
    ("dhat", Form::Dhat),
    ("html", Form::Html),
];

impl Action {
    fn report() -> Arguments {
        Arguments {
            form: Form::Table(&TABLES),
            value: Measure::default(),
            top: TOP,
            output: None,
            selection: Selection::default(),
            source: Source::new("-"),
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
        let mut report = Action::report();
        let (mut sources, mut tables) = (Vec::new(), Vec::new());
        let (mut is_list, mut min_size, mut max_size) = (false, None, None);
        let selection = &mut report.selection;
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => return Ok(Action::Help),
                Long("version") => return Ok(Action::Version),
                Long("list") => is_list = true,
                Long("form") | Short('f') => report.form = named("form", &parser.value()?.string()?, &FORMS)?,
                Long("table") | Short('t') => {
                    let all = Table::ALL.map(|table| (table.name(), table));
                    tables.push(named("table", &parser.value()?.string()?, &all)?);
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
                Value(name) => sources.push(Source::new(&name.string()?)),
                _ => return Err(argument.unexpected()),
            }
        }
        if min_size.is_some() || max_size.is_some() {
            selection.size_bytes = Some(min_size.unwrap_or(0)..=max_size.unwrap_or(u64::MAX));
        }
        if is_list {
            sources = if sources.is_empty() { vec![report.source] } else { sources };
            return Ok(Action::List(sources));
        }
        if !tables.is_empty() {
            // The program runs once and ends.
            report.form = Form::Table(tables.leak());
        }
        if sources.len() > 1 {
            return Err("one file is expected; --diff takes a second one".into());
        }
        if report.base.is_some() || *selection != Selection::default() {
            // The other tables are those of the whole dump.
            if report.form == Form::Table(&TABLES) {
                report.form = Form::Table(&SELECTED_TABLES);
            }
        }
        if let Some(source) = sources.pop() {
            report.source = source;
        } else if report.base.is_some() {
            return Err("--diff needs two files: --diff BASE FILE".into());
        }
        Ok(Action::Report(Box::new(report)))
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
            ("--diff a", "--diff needs two files: --diff BASE FILE"),
            ("a b", "one file is expected; --diff takes a second one"),
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
        assert_eq!((report.form, report.top, report.offset), (Form::Flame(Shape::Flames), 3, 16));
        assert_eq!((report.base, report.source), (Some(Source::new("a#1")), Source::new("b")));
        assert_eq!(report.selection.size_bytes, Some(8..=u64::MAX));
        let Action::List(sources) = parse("--list").unwrap() else { panic!("no list") };
        assert_eq!(sources, [Source::new("-")]);
    }

    #[test]
    fn help_names_each_option_and_fits_its_width() {
        assert!(HELP.lines().all(|line| line.len() <= 120));
        for name in FORMS.map(|(name, _)| name).into_iter().chain(Table::ALL.map(Table::name)) {
            assert!(HELP.contains(name), "{name}");
        }
    }
}

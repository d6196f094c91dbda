//! From arguments to a report: reads the dumps that are meant, and writes one form.

use std::fs;
use std::path::Path;

use memstat_report::dump::{Dump, State};
use memstat_report::output::{Form, Style, Subject, report as write_form};
use memstat_report::profile::Profile;
use memstat_report::symbols::Symbols;

use crate::arguments::Arguments;
use crate::input::Source;
use crate::print;

/// Writes the report; returns whether all that was read of the dumps is whole.
pub(crate) fn report(arguments: &Arguments) -> Result<bool, String> {
    let file = program(arguments)?;
    let symbols = symbols(arguments, file.as_deref())?;
    let mut is_whole = true;
    let tell = |line: String| eprintln!("memstat-report: {line}");
    let mut taken = |source: &Source, dump: Dump| {
        if dump.state != State::Whole {
            is_whole = false;
            dump.problems.iter().for_each(|problem| tell(format!("{}: {problem}", source.name())));
            tell(format!("{}: the dump is {}; what is whole of it is used", source.name(), dump.state));
        }
        named(arguments, source, dump, symbols.as_ref())
    };
    let base = match &arguments.base {
        Some(source) => Some(taken(source, source.dump(&mut |line| eprintln!("memstat-report: {line}"))?)?),
        None => None,
    };
    let mut dumps = Vec::new();
    for source in &arguments.sources {
        if arguments.form == Form::Html && base.is_none() {
            source.ended_dumps(&mut |line| eprintln!("memstat-report: {line}"), &mut |dump| {
                // A page shows blocks and events of the last dump only.
                if let Some((before, _)) = dumps.last_mut() {
                    forget_blocks(before);
                }
                dumps.push(taken(source, dump)?);
                Ok(())
            })?;
        } else {
            dumps.push(taken(source, source.dump(&mut |line| eprintln!("memstat-report: {line}"))?)?);
        }
    }
    let bytes = written(arguments, &dumps, base.as_ref())?;
    match &arguments.output {
        None => print(&bytes)?,
        Some(path) => save(path, &bytes)?,
    }
    Ok(is_whole)
}

/// The bytes of the program's file, if there is one.
pub(crate) fn program(arguments: &Arguments) -> Result<Option<Vec<u8>>, String> {
    let read =
        |path: &std::path::PathBuf| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    arguments.elf.as_ref().map(read).transpose()
}

/// The names of the program.
pub(crate) fn symbols<'a>(
    arguments: &Arguments,
    file: Option<&'a [u8]>,
) -> Result<Option<Symbols<'a>>, String> {
    let path = arguments.elf.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let symbols = file.map(|file| Symbols::new(file, arguments.offset));
    symbols.transpose().map_err(|error| format!("{path}: {error}"))
}

/// A dump with what is selected of it.
pub(crate) fn named(
    arguments: &Arguments,
    source: &Source,
    dump: Dump,
    symbols: Option<&Symbols<'_>>,
) -> Result<(Dump, Profile), String> {
    let profile = Profile::new(&dump, symbols, &arguments.selection);
    profile.map(|profile| (dump, profile)).map_err(|error| format!("{}: {error}", source.name()))
}

/// Takes from a dump what only the last one of a page needs.
pub(crate) fn forget_blocks(dump: &mut Dump) {
    (dump.blocks, dump.events) = (Vec::new(), Vec::new());
}

/// The report of these dumps.
pub(crate) fn written(
    arguments: &Arguments,
    dumps: &[(Dump, Profile)],
    base: Option<&(Dump, Profile)>,
) -> Result<Vec<u8>, String> {
    let style = Style { value: arguments.value, tables: &arguments.tables, top: arguments.top };
    write_form(arguments.form, Subject { dumps, base }, &style)
}

/// Writes a file; whoever reads it meanwhile gets the old one or the new one, whole.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let told = |error| format!("{}: {error}", path.display());
    // A pipe or a device has no place beside it.
    if path.exists() && !path.is_file() {
        return fs::write(path, bytes).map_err(told);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path)).map_err(told)
}

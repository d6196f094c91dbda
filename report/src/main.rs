//! `memstat-report`: reads dumps of memstat, and writes tables, flame graphs and files for other tools.

mod arguments;
mod input;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use memstat_report::dump::{Dump, State};
use memstat_report::output::{dhat, flame, folded, html, pprof, speedscope, table};
use memstat_report::profile::Profile;
use memstat_report::symbols::Symbols;

use arguments::{Action, Arguments, Form, HELP};
use input::Source;

/// What the program returns, besides 0.
const FAILED: u8 = 1;
const MISUSED: u8 = 2;
const USED_A_PART: u8 = 3;

fn main() -> ExitCode {
    match Arguments::parse(std::env::args_os()) {
        Err(error) => {
            eprintln!("memstat-report: {error}; --help explains the options");
            ExitCode::from(MISUSED)
        }
        Ok(Action::Help) => finish(print(HELP.as_bytes()).map(|()| ExitCode::SUCCESS)),
        Ok(Action::Version) => {
            let text = format!("memstat-report {}\n", env!("CARGO_PKG_VERSION"));
            finish(print(text.as_bytes()).map(|()| ExitCode::SUCCESS))
        }
        Ok(Action::List(sources)) => finish(list(&sources)),
        Ok(Action::Report(arguments)) => finish(report(&arguments)),
    }
}

fn finish(result: Result<ExitCode, String>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("memstat-report: {error}");
        ExitCode::from(FAILED)
    })
}

fn print(bytes: &[u8]) -> Result<(), String> {
    match io::stdout().lock().write_all(bytes) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| format!("standard output: {error}")),
    }
}

/// One line for each dump, and what is wrong with it.
fn list(sources: &[Source]) -> Result<ExitCode, String> {
    // A string takes everything.
    let mut text = String::new();
    for source in sources {
        for (number, dump) in source.dumps()?.iter().enumerate() {
            let Dump { first_line, program, time_us, stacks, blocks, state, live, .. } = dump;
            let _ = writeln!(
                text,
                "{}#{} line {first_line}: {program:?} at {}.{:06} s, {} live bytes, {} stacks, {} blocks: {state}",
                source.name(),
                number + 1,
                time_us / 1_000_000,
                time_us % 1_000_000,
                live.bytes,
                stacks.len(),
                blocks.len()
            );
            for problem in &dump.problems {
                let _ = writeln!(text, "    {problem}");
            }
        }
    }
    print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn report(arguments: &Arguments) -> Result<ExitCode, String> {
    let file = arguments.elf.as_ref().map(|path| {
        std::fs::read(path).map(|bytes| (path, bytes)).map_err(|error| format!("{}: {error}", path.display()))
    });
    let file = file.transpose()?;
    let symbols = file.as_ref().map(|(path, bytes)| {
        Symbols::new(bytes, arguments.offset).map_err(|error| format!("{}: {error}", path.display()))
    });
    let symbols = symbols.transpose()?;
    let mut is_whole = true;
    let mut open = |source: &Source| {
        let dump = source.dump()?;
        is_whole &= dump.state == State::Whole;
        if dump.state != State::Whole {
            dump.problems
                .iter()
                .for_each(|problem| eprintln!("memstat-report: {}: {problem}", source.name()));
            eprintln!(
                "memstat-report: {}: the dump is {}; what is whole of it is used",
                source.name(),
                dump.state
            );
        }
        let profile = Profile::new(&dump, symbols.as_ref(), &arguments.selection);
        profile.map(|profile| (dump, profile)).map_err(|error| format!("{}: {error}", source.name()))
    };
    let base = arguments.base.as_ref().map(&mut open).transpose()?;
    let (dump, profile) = open(&arguments.source)?;
    let bytes = output(arguments, &dump, &profile, base.as_ref().map(|(_, profile)| profile))?;
    match &arguments.output {
        None => print(&bytes)?,
        Some(path) => {
            let written = File::create(path).and_then(|file| {
                let mut file = BufWriter::new(file);
                file.write_all(&bytes).and_then(|()| file.flush())
            });
            written.map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(USED_A_PART) })
}

fn output(
    arguments: &Arguments,
    dump: &Dump,
    profile: &Profile,
    base: Option<&Profile>,
) -> Result<Vec<u8>, String> {
    let value = arguments.value;
    // A flame graph and folded stacks have the values before and after; the others have the difference.
    if let Form::Flame(shape) = arguments.form {
        return flame::flame_graph(profile, base, value, shape);
    }
    if let (Form::Folded, Some(base)) = (arguments.form, base) {
        return Ok(folded::folded_difference(base, profile, value).into_bytes());
    }
    let growth = base.map(|base| profile.since(base));
    let profile = growth.as_ref().unwrap_or(profile);
    match arguments.form {
        Form::Flame(_) | Form::Folded => Ok(folded::folded(profile, value).into_bytes()),
        Form::Table(tables) => {
            let mut text = String::new();
            for (number, table) in tables.iter().enumerate() {
                if number > 0 {
                    text.push('\n');
                }
                // A string takes everything.
                let _ = table::write_table(*table, dump, profile, value, arguments.top, &mut text);
            }
            Ok(text.into_bytes())
        }
        Form::Pprof => {
            let mut bytes = Vec::new();
            pprof::write(profile, &mut bytes).map_err(|error| error.to_string())?;
            Ok(bytes)
        }
        Form::Speedscope => Ok(speedscope::speedscope(profile).to_string().into_bytes()),
        Form::Html => Ok(html::page(dump, profile).into_bytes()),
        Form::Dhat => Ok(dhat::dhat(profile).to_string().into_bytes()),
    }
}

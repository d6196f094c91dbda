//! `memstat-report`: reads dumps of memstat, and writes tables, flame graphs and files for other tools.

mod arguments;
mod follow;
mod input;
mod options;
mod reporting;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use memstat_report::dump::Dump;

use arguments::{Action, Arguments};
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
        Ok(action) => carry_out(&action).unwrap_or_else(|error| {
            eprintln!("memstat-report: {error}");
            ExitCode::from(FAILED)
        }),
    }
}

fn carry_out(action: &Action) -> Result<ExitCode, String> {
    let text = match action {
        Action::Help => options::help(),
        Action::Version => format!("memstat-report {}\n", env!("CARGO_PKG_VERSION")),
        Action::ManPage => options::man_page(),
        Action::Completions(shell) => options::completions(*shell),
        Action::List(sources) => list(sources)?,
        Action::Report(arguments) => {
            let is_whole = reporting::report(arguments)?;
            return Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(USED_A_PART) });
        }
        Action::Follow(arguments, look) => {
            follow::follow(arguments, *look)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    print(text.as_bytes()).map(|()| ExitCode::SUCCESS)
}

fn print(bytes: &[u8]) -> Result<(), String> {
    match io::stdout().lock().write_all(bytes) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| format!("standard output: {error}")),
    }
}

/// One line for each dump, and what is wrong with it.
fn list(sources: &[Source]) -> Result<String, String> {
    // A string takes everything.
    let mut text = String::new();
    for source in sources {
        source.each_dump(&mut |number, dump| {
            let Dump { first_line, program, time_us, stacks, blocks, state, live, problems, .. } = dump;
            let _ = writeln!(
                text,
                "{}#{number} line {first_line}: {program:?} at {}.{:06} s, {} live bytes, {} stacks, {} blocks: {state}",
                source.name(),
                time_us / 1_000_000,
                time_us % 1_000_000,
                live.bytes,
                stacks.len(),
                blocks.len()
            );
            for problem in &problems {
                let _ = writeln!(text, "    {problem}");
            }
        })?;
    }
    Ok(text)
}

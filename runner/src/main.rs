//! Boots the ISO in QEMU: to be used by a person, or to be tested.
//!
//! `make run` and `make test` call it. Nothing here knows the kernel's insides: the runner types at the serial
//! shell or the keyboard and judges what comes back, on the very ISO that ships. Neighbours: `scenarios` holds
//! the tests, `vm` the machine they drive, `docs/testing.md` the words.

mod bench;
mod elf;
mod error;
mod examples;
mod figures;
mod grammar;
mod interactive;
mod jobs;
mod machine;
mod monitor;
mod process;
mod profile;
mod readers;
mod scenario;
mod scenarios;
mod screen;
mod settings;
mod snapshots;
mod suite;
mod text;
mod transcript;
mod vm;

use std::env;
use std::process::ExitCode;

use error::Result;
use settings::Settings;
use suite::Choice;

const USAGE: &str = "usage: runner run [QEMU OPTION...]         boot to the shell on this terminal
       runner test [NAME...]              the scenarios, or those named; `names-*` are all that begin so
       runner soak                        the scenarios that take long
       runner bench                       measure the heap, compare with the baseline; `bench keep` replaces that
       runner examples [WORD...]          type the examples of README and docs, or of those with a WORD in
                                          their paths, and write there what a machine prints
       runner list                        the scenarios' names, one a line, and what each shows
       runner profile                     boot, run the line in WORKLOAD, and write what it did to memory
       runner screenshot FILE [LINE...]   type the lines at the shell and write a picture of the screen
settings are read from the environment: see docs/testing.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("runner: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run", options @ ..] => interactive::run(&Settings::from_environment()?, options),
        ["test"] => suite::run(&Settings::from_environment()?, Choice::Test),
        ["test", words @ ..] => suite::run(&Settings::from_environment()?, Choice::Names(words)),
        ["soak"] => suite::run(&Settings::from_environment()?, Choice::Soak),
        ["bench"] => bench::run(&Settings::from_environment()?, bench::Baseline::Compare),
        ["bench", "keep"] => bench::run(&Settings::from_environment()?, bench::Baseline::Replace),
        ["examples", words @ ..] => examples::retype(&Settings::from_environment()?, words),
        ["profile"] => profile::run(&Settings::from_environment()?),
        ["list"] => Ok(suite::list()),
        ["screenshot", file, lines @ ..] => {
            interactive::take_screenshot(&Settings::from_environment()?, file, lines)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

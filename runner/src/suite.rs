//! Runs scenarios, some at a time, and reports: one line a scenario, then the sum.

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::error::{Error, Result, ensure};
use crate::jobs;
use crate::machine::Machine;
use crate::scenarios;
use crate::settings::Settings;
use crate::text;
use crate::vm::{NOBODY, Vm};

/// How much of a failed machine's serial log is shown.
const LOG_LINES: usize = 40;
const LINE_CHARACTERS: usize = 160;

/// One test of the runner.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What it shows, for `runner list`.
    pub(crate) about: &'static str,
    pub(crate) judge: Judge,
}

/// How a scenario is carried out.
pub(crate) enum Judge {
    /// Looks at the files that were built.
    Files(fn(&Settings) -> Result<()>),
    /// Boots a machine and drives it.
    Drive(Machine<'static>, fn(&mut Vm) -> Result<()>),
    /// Boots two machines and holds the first against the second.
    Compare([Machine<'static>; 2], fn(&mut [Vm; 2]) -> Result<()>),
}

/// Runs the scenarios whose names hold one of the words, or all.
pub(crate) fn run(settings: &Settings, words: &[&str]) -> Result<ExitCode> {
    let chosen: Vec<&Scenario> = scenarios::all()
        .filter(|scenario| words.is_empty() || words.iter().any(|word| scenario.name.contains(word)))
        .collect();
    ensure!(!chosen.is_empty(), "no scenario has one of {words:?} in its name: see `runner list`");
    ensure!(settings.iso().exists(), "{} is not there: run `make iso`", settings.iso().display());
    let logs = settings.logs()?;

    let (passed, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    jobs::for_each(settings.jobs, chosen, |scenario| {
        let counter = if report(settings, &logs, scenario) { &passed } else { &failed };
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let (passed, failed) = (passed.into_inner(), failed.into_inner());
    println!("runner: {passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the scenarios' names.
pub(crate) fn list() -> ExitCode {
    for scenario in scenarios::all() {
        println!("{:<24} {}", scenario.name, scenario.about);
    }
    ExitCode::SUCCESS
}

/// Carries out one scenario and prints its line; did it pass?
fn report(settings: &Settings, logs: &Path, scenario: &Scenario) -> bool {
    let start = Instant::now();
    // A bug of the runner in one scenario should not take the others' results away.
    let outcome =
        panic::catch_unwind(AssertUnwindSafe(|| carry_out(settings, scenario))).unwrap_or_else(|cause| {
            Err(Error::Wrong(format!("the runner panicked: {}", panic_message(&*cause))))
        });
    let seconds = start.elapsed().as_secs_f32();
    match outcome {
        Ok(()) => {
            println!("ok    {:<24} {seconds:5.1} s", scenario.name);
            true
        }
        Err(error) => {
            println!("FAIL  {:<24} {seconds:5.1} s  {error}{}", scenario.name, end_of_log(logs, scenario));
            false
        }
    }
}

/// The last lines of what the scenario's machine said, and where the rest is.
fn end_of_log(logs: &Path, scenario: &Scenario) -> String {
    if let Judge::Files(_) = scenario.judge {
        return String::new();
    }
    let path = logs.join(scenario.name).with_extension("serial");
    let log = text::plain(&fs::read(&path).unwrap_or_default());
    let mut shown = String::new();
    for line in text::last_lines(&log, LOG_LINES) {
        shown.push_str("\n      | ");
        // Firmware paints menus, and a test may type a line of thousands.
        shown.extend(line.chars().filter(|character| !character.is_control()).take(LINE_CHARACTERS));
    }
    format!(
        "{shown}\n      the whole log: {}; its screen: {}",
        path.display(),
        path.with_extension("png").display()
    )
}

fn carry_out(settings: &Settings, scenario: &Scenario) -> Result<()> {
    match &scenario.judge {
        Judge::Files(judge) => judge(settings),
        Judge::Drive(machine, drive) => {
            let mut vm = Vm::start(settings, machine, scenario.name, NOBODY)?;
            drive(&mut vm).inspect_err(|_| vm.keep_screen())
        }
        Judge::Compare([machine, twin], compare) => {
            let twin_name = format!("{}-twin", scenario.name);
            let vm = Vm::start(settings, machine, scenario.name, NOBODY)?;
            let mut both = [vm, Vm::start(settings, twin, &twin_name, NOBODY)?];
            compare(&mut both).inspect_err(|_| both.iter_mut().for_each(Vm::keep_screen))
        }
    }
}

fn panic_message(cause: &(dyn Any + Send)) -> &str {
    let text = cause.downcast_ref::<&str>().copied();
    text.or_else(|| cause.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

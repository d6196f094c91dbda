//! Runs scenarios, several at a time, and reports one line per scenario, the slowest ones, and the sums.

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::error::{Error, Result, ensure};
use crate::jobs;
use crate::process::take_cpu_seconds;
use crate::scenario::{Judge, Scenario};
use crate::scenarios;
use crate::settings::Settings;
use crate::snapshots::Snapshots;
use crate::text;
use crate::vm::{NOBODY, Vm};

/// How much of a failed machine's serial log is shown.
const LOG_LINES: usize = 40;
const LINE_CHARACTERS: usize = 160;
/// How many of the slowest scenarios are named at the end.
const SLOWEST: usize = 10;

/// Which scenarios to run.
#[derive(Clone, Copy)]
pub(crate) enum Choice<'a> {
    /// Those of `make test`.
    Test,
    /// Those that take long.
    Soak,
    /// Of both, those with one of these names. In a name `*` stands for any characters.
    Names(&'a [&'a str]),
}

/// What all scenarios of one run share.
struct Run<'a> {
    settings: &'a Settings,
    logs: PathBuf,
    snapshots: Snapshots,
    results: Mutex<Vec<Outcome>>,
}

/// The result of a scenario.
struct Outcome {
    name: &'static str,
    has_passed: bool,
    seconds: f64,
    cpu_seconds: f64,
}

/// Runs scenarios, and prints a line for each.
pub(crate) fn run(settings: &Settings, choice: Choice) -> Result<ExitCode> {
    let chosen: Vec<&Scenario> = match choice {
        Choice::Test => scenarios::all().collect(),
        Choice::Soak => scenarios::soak().collect(),
        Choice::Names(names) => {
            let both = || scenarios::all().chain(scenarios::soak());
            // A name that is mistyped must not look like one that has passed.
            for name in names {
                let is_known = both().any(|scenario| matches(name, scenario.name));
                ensure!(
                    is_known,
                    "no scenario is called `{name}`: see `runner list`; `*` stands for any characters"
                );
            }
            both().filter(|scenario| names.iter().any(|name| matches(name, scenario.name))).collect()
        }
    };
    ensure!(settings.iso().exists(), "{} is not there: run `make iso`", settings.iso().display());
    let machines = chosen.iter().flat_map(|scenario| match scenario.judge {
        Judge::Drive(machine, _) => vec![machine],
        Judge::Examples(document) => document.machines(),
        _ => Vec::new(),
    });
    let snapshots = Snapshots::new(&settings.build, machines)?;
    let run = Run { settings, logs: settings.logs()?, snapshots, results: Mutex::default() };

    let start = Instant::now();
    jobs::for_each(settings.jobs, chosen, |scenario| run.report(scenario));
    let seconds = start.elapsed().as_secs_f64();
    let mut results = run.results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failed = results.iter().filter(|outcome| !outcome.has_passed).count();
    let passed = results.len() - failed;
    print_times(&mut results, seconds);
    println!("runner: {passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a name fits a pattern, in which `*` stands for any characters.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut tail) = name.strip_prefix(start) else { return false };
    loop {
        if matches(rest, tail) {
            return true;
        }
        let mut characters = tail.chars();
        if characters.next().is_none() {
            return false;
        }
        tail = characters.as_str();
    }
}

/// Prints the slowest scenarios, if there were many.
fn print_times(results: &mut [Outcome], seconds: f64) {
    if results.len() <= SLOWEST {
        return;
    }
    results.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    println!("slowest:");
    for Outcome { name, seconds, cpu_seconds, .. } in results.iter().take(SLOWEST) {
        println!("      {name:<26} {seconds:6.1} s, {cpu_seconds:6.1} s CPU");
    }
    let cpu_seconds: f64 = results.iter().map(|outcome| outcome.cpu_seconds).sum();
    println!("all:  {seconds:.0} s, {cpu_seconds:.0} s CPU");
}

/// Prints the scenarios' names.
pub(crate) fn list() -> ExitCode {
    for scenario in scenarios::all() {
        println!("{:<26} {}", scenario.name, scenario.about);
    }
    for scenario in scenarios::soak() {
        println!("{:<26} soak: {}", scenario.name, scenario.about);
    }
    ExitCode::SUCCESS
}

impl Run<'_> {
    /// Carries out one scenario and prints its line.
    fn report(&self, scenario: &Scenario) {
        let start = Instant::now();
        // A bug of the runner in one scenario should not lose the results of the others.
        let outcome =
            panic::catch_unwind(AssertUnwindSafe(|| self.carry_out(scenario))).unwrap_or_else(|cause| {
                Err(Error::Wrong(format!("the runner panicked: {}", panic_message(&*cause))))
            });
        let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), take_cpu_seconds());
        let name = scenario.name;
        let times = format!("{seconds:5.1} s, {cpu_seconds:5.1} s CPU");
        let has_passed = outcome.is_ok();
        match outcome {
            Ok(()) => println!("ok    {name:<26} {times}"),
            Err(error) => println!("FAIL  {name:<26} {times}  {error}{}", end_of_log(&self.logs, scenario)),
        }
        let outcome = Outcome { name, has_passed, seconds, cpu_seconds };
        self.results.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
    }

    fn carry_out(&self, scenario: &Scenario) -> Result<()> {
        let Scenario { name, judge, .. } = scenario;
        let drive =
            |mut vm: Vm, drive: fn(&mut Vm) -> Result<()>| drive(&mut vm).inspect_err(|_| vm.keep_screen());
        match judge {
            Judge::Files(judge) => judge(self.settings),
            Judge::Drive(machine, act) => drive(self.snapshots.start(self.settings, machine, name)?, *act),
            Judge::PowerOn(machine, act) => drive(Vm::start(self.settings, machine, name, NOBODY)?, *act),
            Judge::Examples(document) => document.judge(&mut |machine, count| {
                self.snapshots.start(self.settings, machine, &format!("{name}-{count}"))
            }),
            Judge::Compare([machine, twin], compare) => {
                let vm = Vm::start(self.settings, machine, name, NOBODY)?;
                let mut both = [vm, Vm::start(self.settings, twin, &format!("{name}-twin"), NOBODY)?];
                compare(&mut both).inspect_err(|_| both.iter_mut().for_each(Vm::keep_screen))
            }
        }
    }
}

/// The last lines of the serial output of the scenario's machine, and where the rest is.
fn end_of_log(logs: &Path, scenario: &Scenario) -> String {
    // Each machine of the examples has its own log, and the errors name lines of the document.
    if let Judge::Files(_) | Judge::Examples(_) = scenario.judge {
        return String::new();
    }
    let path = logs.join(scenario.name).with_extension("serial");
    let log = text::plain(&fs::read(&path).unwrap_or_default());
    let mut shown = String::new();
    for line in text::last_lines(&log, LOG_LINES) {
        shown.push_str("\n      | ");
        // Firmware draws menus, and a test may type thousands of characters.
        shown.extend(line.chars().filter(|character| !character.is_control()).take(LINE_CHARACTERS));
    }
    format!(
        "{shown}\n      the whole log: {}; its screen: {}",
        path.display(),
        path.with_extension("png").display()
    )
}

fn panic_message(cause: &(dyn Any + Send)) -> &str {
    let text = cause.downcast_ref::<&str>().copied();
    text.or_else(|| cause.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_are_exact_and_patterns_have_stars() {
        for (pattern, name, expected) in [
            ("names", "names", true),
            ("names", "names-32M", false),
            ("name", "names", false),
            ("names-*", "names-32M", true),
            ("names-*", "names", false),
            ("names*", "names", true),
            ("*", "names", true),
            ("*-drill-*", "reach-drill-full", true),
            ("*-drill-*", "reach-drill", false),
            ("*M", "names-noise-32M", true),
            ("*M", "names-noise-32MB", false),
            ("", "names", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}

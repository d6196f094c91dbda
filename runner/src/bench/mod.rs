//! `make bench`: what the heap costs at each level and with each backend, counted in instructions.
//!
//! The kernel measures itself (its command `bench`) on machines whose clock counts instructions; here its
//! figures are collected, shown in tables, held against the goals and against the baseline that is committed, and
//! written to `build/bench.json`. docs/benchmarks.md tells the method.

mod figure;
mod goals;
mod peers;
mod tables;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

pub(crate) use figure::Figure;
pub(crate) use goals::{judge_against_baseline, judge_goals, missing_in_baseline};

use crate::error::{Error, Result};
use crate::jobs;
use crate::machine::{Clock, DEFAULT, Machine};
use crate::settings::Settings;
use crate::vm::{NOBODY, Vm};

/// Where the figures of the last accepted change are, from the project's folder.
const BASELINE: &str = "runner/baseline.json";
/// The longest of the measurements takes two minutes where nothing else runs.
const MEASURE_LIMIT: Duration = Duration::from_mins(20);

const LEVELS: [&str; 5] = ["off", "counters", "blocks", "stacks", "full"];
const OTHER_BACKENDS: [&str; 4] = ["buddy", "talc", "tlsf", "linked-list"];

/// What to do with the baseline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Baseline {
    Compare,
    Replace,
}

/// A machine, and what is measured on it one after the other.
struct Plan {
    memory_mib: u64,
    cmdline: String,
    commands: Vec<String>,
}

/// Measures everything, shows it and judges it.
pub(crate) fn run(settings: &Settings, baseline: Baseline) -> Result<ExitCode> {
    let results = Mutex::new(Vec::new());
    let failures = Mutex::new(Vec::new());
    jobs::for_each(settings.jobs, plans(), |plan| {
        eprintln!("bench: {} with {} MiB", plan.cmdline, plan.memory_mib);
        let measured = measure(settings, &plan);
        match (measured, results.lock(), failures.lock()) {
            (Ok(figures), Ok(mut results), _) => results.extend(figures),
            (Err(error), _, Ok(mut failures)) => failures.push(format!("{}: {error}", plan.cmdline)),
            // Another thread has panicked, and says so.
            _ => {}
        }
    });
    let mut figures = results.into_inner().unwrap_or_default();
    let mut failures = failures.into_inner().unwrap_or_default();
    eprintln!("bench: trackers on the host, by callgrind");
    match peers::measure(settings) {
        Ok(measured) => figures.extend(measured),
        Err(error) => failures.push(error.to_string()),
    }
    figures.sort_by_key(Figure::order);

    print!("{}{}", tables::all(&figures), peers::table(&figures));
    figure::write(&settings.build.join("bench.json"), &figures)?;
    failures.extend(judge_goals(&figures));
    match baseline {
        Baseline::Compare => {
            let baseline = load_baseline()?;
            failures.extend(judge_against_baseline(&figures, &baseline));
            failures.extend(missing_in_baseline(&figures, &baseline));
            // What is known and was not measured.
            failures.extend(missing_in_baseline(&baseline, &figures));
        }
        // What could not be measured would be lost.
        Baseline::Replace if failures.is_empty() => figure::write(Path::new(BASELINE), &figures)?,
        Baseline::Replace => failures.push("the baseline stays as it is".into()),
    }
    for failure in &failures {
        println!("bench: {failure}");
    }
    println!("bench: {} figures, {} failed", figures.len(), failures.len());
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The figures that are committed.
pub(crate) fn load_baseline() -> Result<Vec<Figure>> {
    let text = fs::read_to_string(BASELINE).map_err(Error::host(format!("reading {BASELINE}")))?;
    figure::parse(&text)
}

/// The machine for short measurements, of which `make test` runs all.
pub(crate) const fn short_machine(cmdline: &'static str) -> Machine<'static> {
    Machine { cmdline, clock: Clock::Instructions, ..DEFAULT }
}

/// What is measured on it.
pub(crate) const SHORT_COMMANDS: [&str; 3] = ["bench pair", "bench bulk 10000", "bench worst 20000 20000"];

fn plans() -> Vec<Plan> {
    let strings = |commands: &[&str]| commands.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut plans = Vec::new();
    for level in LEVELS {
        let cmdline = format!("memstat={level}");
        let mut commands = strings(&[
            "bench bulk 10000",
            "bench bulk 100000",
            "bench bulk 1000000",
            "bench worst 1000000 10000000",
        ]);
        if !["off", "counters"].contains(&level) {
            commands.push("bench arena 1000000".into());
        }
        if level == "blocks" {
            commands.push("bench arena 10000000".into());
        }
        if level == "off" {
            // Nobody tracks frames: the level makes no difference.
            commands.extend(strings(&["bench frames 10000", "bench frames 100000", "bench frames 1000000"]));
        }
        plans.push(Plan { memory_mib: 8192, cmdline: cmdline.clone(), commands });
        plans.push(Plan { memory_mib: DEFAULT.memory_mib, cmdline, commands: strings(&SHORT_COMMANDS) });
    }
    for backend in OTHER_BACKENDS {
        for level in LEVELS {
            let cmdline = format!("memstat={level} heap={backend}");
            let commands = strings(&["bench pair", "bench bulk 10000", "bench bulk 100000"]);
            plans.push(Plan { memory_mib: DEFAULT.memory_mib, cmdline, commands });
        }
    }
    plans
}

fn measure(settings: &Settings, plan: &Plan) -> Result<Vec<Figure>> {
    let machine = Machine { memory_mib: plan.memory_mib, ..short_machine("") };
    let name = format!("bench-{}-{}", plan.cmdline.replace([' ', '='], "-"), plan.memory_mib);
    let mut vm = Vm::start(settings, &Machine { cmdline: &plan.cmdline, ..machine }, &name, NOBODY)?;
    vm.wait_for_boot()?;
    let mut figures = Vec::new();
    for command in &plan.commands {
        figures.extend(measure_one(&mut vm, command, plan.memory_mib)?);
    }
    Ok(figures)
}

/// Runs one command `bench` and reads what it prints.
pub(crate) fn measure_one(vm: &mut Vm, command: &str, memory_mib: u64) -> Result<Vec<Figure>> {
    vm.enter(command)?;
    let output = vm.wait_for_prompt(&format!("prompt after `{command}`"), MEASURE_LIMIT)?;
    let figures: Vec<Figure> =
        output.lines().map(|line| Figure::from_line(line, memory_mib)).collect::<Result<_>>()?;
    if figures.is_empty() { Err(Error::Wrong(format!("`{command}` prints no figure"))) } else { Ok(figures) }
}

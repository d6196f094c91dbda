//! The short form of `make bench`: the goals, and the baseline that is committed.

use crate::bench::{
    SHORT_COMMANDS, judge_against_baseline, judge_goals, load_baseline, measure_one, missing_in_baseline,
    short_machine,
};
use crate::error::{Error, Result, ensure};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

const MEMORY_MIB: u64 = short_machine("").memory_mib;

/// A row of the table: a level.
const fn level(name: &'static str, cmdline: &'static str) -> Scenario {
    Scenario {
        name,
        about: "instructions of the heap are within the goals and 3 % of the baseline",
        judge: Judge::Drive(short_machine(cmdline), figures_hold),
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    level("bench-off", "memstat=off"),
    level("bench-counters", "memstat=counters"),
    level("bench-blocks", "memstat=blocks"),
    level("bench-stacks", "memstat=stacks"),
    level("bench-full", "memstat=full"),
    guard::<395>("bench-guard-redzone", "memstat=blocks guard=redzone"),
    guard::<618>("bench-guard-full", "memstat=blocks guard=full"),
    guard::<850>("bench-guard-free-stacks", "memstat=stacks guard=free"),
    guard::<650>("bench-guard-redzone-stacks", "memstat=stacks guard=redzone"),
    guard::<900>("bench-guard-full-stacks", "memstat=stacks guard=full"),
    guard::<389>("bench-guard-sample-100", "memstat=blocks guard.sample=100"),
    guard::<359>("bench-guard-sample-1000", "memstat=blocks guard.sample=1000"),
];

/// A row of the table above: a guard level, with the most instructions that a pair of 64 bytes may take.
const fn guard<const MAX: u32>(name: &'static str, cmdline: &'static str) -> Scenario {
    Scenario {
        name,
        about: "instructions of a pair with guards are within the goal",
        judge: Judge::Drive(short_machine(cmdline), guards_are_cheap::<MAX>),
    }
}

fn guards_are_cheap<const MAX: u32>(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let figures = measure_one(vm, "bench pair", MEMORY_MIB)?;
    let of_64 = figures.iter().find(|figure| figure.workload == "pair" && figure.size_bytes == 64);
    let with = of_64.and_then(|figure| figure.instructions);
    let with = with.ok_or_else(|| Error::Wrong("bench pair has no pair of 64 bytes".into()))?;
    ensure!(with <= f64::from(MAX), "a pair of 64 bytes takes {with} with guards, the goal is {MAX}");
    Ok(())
}

fn figures_hold(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let mut figures = Vec::new();
    for command in SHORT_COMMANDS {
        figures.extend(measure_one(vm, command, MEMORY_MIB)?);
    }
    let mut failures = judge_goals(&figures);
    let baseline = load_baseline()?;
    failures.extend(judge_against_baseline(&figures, &baseline));
    failures.extend(missing_in_baseline(&figures, &baseline));
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    Ok(())
}

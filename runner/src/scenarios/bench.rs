//! The short form of `make bench`: the goals, and the baseline that is committed.

use crate::bench::{
    SHORT_COMMANDS, judge_against_baseline, judge_goals, load_baseline, measure_one, missing_in_baseline,
    short_machine,
};
use crate::error::{Result, ensure};
use crate::suite::{Judge, Scenario};
use crate::vm::Vm;

const MEMORY_MIB: u64 = short_machine("").memory_mib;

/// A row of the table below: a level.
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
];

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

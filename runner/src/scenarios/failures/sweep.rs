//! Each allocation fails in turn: of every command of the shell, and of every self-test.

use std::collections::BTreeSet;
use std::time::Duration;

use super::table::{EXCEPTED, EXCEPTED_BUGS, SET_UP, TABLE};
use crate::error::{Error, Result, ensure};
use crate::vm::Vm;

/// The longest that one sweep may take.
const SWEEP_LIMIT: Duration = Duration::from_mins(4);

/// Self-tests that do the same thing thousands of times, each with an allocation: of those not each fails.
const LONG_SELFTESTS: [&str; 3] = [
    "reading_ten_thousand_times_leaves_no_trace",
    "reading_allocs_a_thousand_times_changes_nothing",
    "a_hundred_thousand_blocks_are_recorded_or_counted",
];
/// Of those as many fail one after the other, then some.
const FEW: u32 = 3;

pub(super) fn commands_survive(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    check_table(&vm.run("help")?)?;
    let mut faults = Vec::new();
    let mut sum = 0;
    for line in TABLE.iter().flat_map(|row| row.lines) {
        sum += sweep(vm, line, None, &mut faults)?;
    }
    for bug in bugs(vm)? {
        sum += sweep(vm, &format!("bug {bug}"), None, &mut faults)?;
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    ensure!(sum > 300, "in all sweeps only {sum} allocations failed");
    is_consistent(vm)
}

pub(super) fn selftests_survive(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let output = vm.run("selftest")?;
    let names = output.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
    let mut faults = Vec::new();
    let mut sum = 0;
    for name in names.filter(|name| !LONG_SELFTESTS.contains(name)) {
        sum += sweep(vm, &format!("selftest {name}"), None, &mut faults)?;
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    ensure!(sum > 300, "in all sweeps only {sum} allocations failed");
    is_consistent(vm)
}

pub(super) fn long_selftests_survive(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let mut faults = Vec::new();
    for name in LONG_SELFTESTS {
        sweep(vm, &format!("selftest {name}"), Some(FEW), &mut faults)?;
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    is_consistent(vm)
}

/// Every command that `help` lists has a row or a reason why not, and the other way round.
pub(super) fn check_table(help: &str) -> Result<()> {
    let (columns, _) = help.split_once("\n\n").unwrap_or((help, ""));
    let listed: BTreeSet<&str> = columns.split_whitespace().collect();
    let known: BTreeSet<&str> =
        TABLE.iter().map(|row| row.command).chain(EXCEPTED.iter().map(|exception| exception.name)).collect();
    let missing: Vec<_> = listed.symmetric_difference(&known).collect();
    let left_out: Vec<_> = EXCEPTED.iter().map(|exception| (exception.name, exception.reason)).collect();
    ensure!(
        missing.is_empty(),
        "commands without a row in scenarios/failures/table.rs, or rows without a command: {missing:?}; left out are {left_out:?}"
    );
    Ok(())
}

/// The bugs that can be tried: those that `bug` lists, without those that are excepted.
pub(super) fn bugs(vm: &mut Vm) -> Result<Vec<String>> {
    let listed = vm.run("bug")?;
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    let is_tried = |name: &&str| EXCEPTED_BUGS.iter().all(|exception| exception.name != *name);
    Ok(names.filter(is_tried).map(str::to_owned).collect())
}

/// Lets each allocation of a line fail, and says how many there were. What is left behind is added to `faults`.
fn sweep(vm: &mut Vm, line: &str, count: Option<u32>, faults: &mut Vec<String>) -> Result<u64> {
    let count = count.map(|count| format!("-n {count} ")).unwrap_or_default();
    vm.enter(&format!("fail sweep -c '{SET_UP}' {count}'{line}'"))?;
    let answer = vm.wait_for_prompt(&format!("end of the sweep over `{line}`"), SWEEP_LIMIT)?;
    let sum = answer.lines().find_map(|text| text.strip_prefix("fail: sweep: "));
    let sum = sum.ok_or_else(|| Error::Wrong(format!("the sweep over `{line}` ends with `{answer}`")))?;
    if !sum.ends_with("; nothing was left behind") {
        faults.push(format!("`{line}`: {answer}"));
    }
    let numbers = sum.split(' ').filter_map(|word| word.parse::<u64>().ok());
    Ok(numbers.take(2).sum())
}

/// The tracker's figures agree.
pub(super) fn is_consistent(vm: &mut Vm) -> Result<()> {
    let report = vm.run("cat /proc/memstat")?;
    ensure!(report.ends_with("consistent: yes"), "after all that: {report}");
    Ok(())
}

//! Each allocation fails in turn: of every command of the shell, and of every self-test.

use std::collections::BTreeSet;
use std::time::Duration;

use super::table::{EXCEPTED, EXCEPTED_BUGS, SET_UP, TABLE};
use crate::error::{Error, Result, ensure};
use crate::vm::Vm;

/// The longest that one sweep may take.
const SWEEP_LIMIT: Duration = Duration::from_mins(4);

/// Reads every file of /proc for a tenth of a second. Here each is read once instead.
const READING_SELFTEST: &str = "reading_ten_thousand_times_leaves_no_trace";
/// Self-tests that do the same thing thousands of times, each with an allocation: of those not each fails.
const LONG_SELFTESTS: [&str; 2] =
    ["reading_allocs_a_thousand_times_changes_nothing", "a_hundred_thousand_blocks_are_recorded_or_counted"];
/// Of those as many fail one after the other, then some.
const FEW: u32 = 3;

/// Commands that do the same thing thousands of times.
const LONG_COMMANDS: [&str; 3] = ["bench pair", "bug oom", "leaks drill 1 200"];

pub(super) fn commands_survive(vm: &mut Vm) -> Result<()> {
    commands_survive_with(vm, None)
}

/// As [`commands_survive`], but of long commands not each allocation fails.
pub(super) fn commands_survive_mostly(vm: &mut Vm) -> Result<()> {
    commands_survive_with(vm, Some(FEW))
}

fn commands_survive_with(vm: &mut Vm, of_long_ones: Option<u32>) -> Result<()> {
    vm.wait_for_boot()?;
    check_table(&vm.run("help")?)?;
    let mut faults = Vec::new();
    let mut sum = 0;
    let of_table = TABLE.iter().flat_map(|row| row.lines).map(|line| (*line).to_owned());
    let of_bugs = bugs(vm)?.into_iter().map(|bug| format!("bug {bug}"));
    for line in of_table.chain(of_bugs) {
        let count = of_long_ones.filter(|_| LONG_COMMANDS.contains(&line.as_str()));
        sum += sweep(vm, &line, count, &mut faults)?;
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
    for name in names.filter(|name| !LONG_SELFTESTS.contains(name) && *name != READING_SELFTEST) {
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
    let mut sum = 0;
    for file in vm.run("ls /proc")?.split_whitespace() {
        sum += sweep(vm, &format!("cat /proc/{file}"), None, &mut faults)?;
    }
    ensure!(sum > 20, "in reading all files only {sum} allocations failed");
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

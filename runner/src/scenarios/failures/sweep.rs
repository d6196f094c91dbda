//! Each allocation fails in turn: of every command of the shell, and of every self-test.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::is_consistent;
use super::super::selftest::{judge_selftests, run_selftests};
use super::table::{EXCEPTED, EXCEPTED_BUGS, SET_UP, TABLE};
use crate::error::{Error, Result, ensure};
use crate::vm::Vm;

/// The longest that one sweep may take.
const SWEEP_LIMIT: Duration = Duration::from_mins(4);

/// It reads every file of /proc for a tenth of a second. Here each file is read once instead.
const READING_SELFTEST: &str = "reading_ten_thousand_times_leaves_no_trace";
/// Self-tests that repeat an allocation thousands of times: not each of those fails.
const LONG_SELFTESTS: [&str; 2] =
    ["reading_allocs_a_thousand_times_changes_nothing", "a_hundred_thousand_blocks_are_recorded_or_counted"];

/// Self-tests that take all memory. How many allocations that needs depends on the sizes of the free pieces.
const FILLING_SELFTESTS: [&str; 2] =
    ["exhausted_heap_returns_null_and_recovers", "reserves_are_reclaimed_before_memory_runs_out"];
/// It repeats an allocation a thousand times; the first 300 fail one after the other, then some.
const REPEATING_SELFTEST: &str = "a_thousand_blocks_are_listed_once_each";

/// The minimum number of allocations of blocks, and of pages, that fail in all sweeps of a scenario together.
const MIN_OF_COMMANDS: [u64; 2] = [700, 600];
/// For long commands, of which not each allocation fails.
const MIN_RUNS_FEW: [u64; 2] = [100, 200];
/// Without those that take all memory.
const MIN_OF_SELFTESTS: [u64; 2] = [350, 110];
const MIN_OF_FILLING_SELFTESTS: [u64; 2] = [200, 300];
/// The files that are read take few pages, as the boot has reserved buffers for their text.
const MIN_OF_LONG_SELFTESTS: [u64; 2] = [10, 10];

/// Of those as many fail one after the other, then some.
const FEW: u32 = 3;

/// Commands that do the same thing thousands of times.
const LONG_COMMANDS: [&str; 3] = ["bench pair", "bug oom", "leaks drill 1 1000"];

pub(super) fn commands_survive(vm: &mut Vm) -> Result<()> {
    commands_survive_with(vm, None, MIN_OF_COMMANDS)
}

/// Like [`commands_survive`], but of long commands not each allocation fails.
pub(super) fn commands_survive_mostly(vm: &mut Vm) -> Result<()> {
    commands_survive_with(vm, Some(FEW), MIN_RUNS_FEW)
}

fn commands_survive_with(vm: &mut Vm, of_long_ones: Option<u32>, least: [u64; 2]) -> Result<()> {
    vm.wait_for_boot()?;
    check_table(&vm.run("help")?)?;
    let output = vm.run(SET_UP)?;
    ensure!(output.is_empty(), "what the lines work with cannot be made: {output}");
    let mut sums = Sums::default();
    let of_table = TABLE.iter().flat_map(|row| row.lines).map(|line| (*line).to_owned());
    let of_bugs = bugs(vm)?.into_iter().map(|bug| format!("bug {bug}"));
    let lines: Vec<String> = of_table.chain(of_bugs).collect();
    let is_there = |long: &&str| lines.iter().any(|line| line == long);
    ensure!(LONG_COMMANDS.iter().all(is_there), "{LONG_COMMANDS:?} are not all tried");
    for line in &lines {
        let count = of_long_ones.filter(|_| LONG_COMMANDS.contains(&line.as_str()));
        sums.sweep(vm, line, count)?;
    }
    sums.judge(least)?;
    is_consistent(vm)
}

pub(super) fn selftests_survive(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let output = run_selftests(vm)?;
    judge_selftests(&output, &[])?;
    let names = output.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
    let (long, names): (Vec<&str>, Vec<&str>) = names.partition(|name| LONG_SELFTESTS.contains(name));
    ensure!(long.len() == LONG_SELFTESTS.len(), "of {LONG_SELFTESTS:?} there are only {long:?}");
    let (mut sums, mut of_filling) = (Sums::default(), Sums::default());
    for name in names.into_iter().filter(|name| *name != READING_SELFTEST) {
        let is_filling = FILLING_SELFTESTS.contains(&name);
        let line = format!("selftest {name}");
        let is_complete = if is_filling { &mut of_filling } else { &mut sums }.sweep(vm, &line, None)?;
        ensure!(
            is_complete || is_filling || name == REPEATING_SELFTEST,
            "not each allocation of `{line}` was made to fail"
        );
    }
    sums.judge(MIN_OF_SELFTESTS)?;
    of_filling.judge(MIN_OF_FILLING_SELFTESTS)?;
    is_consistent(vm)
}

pub(super) fn long_selftests_survive(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let mut sums = Sums::default();
    for name in LONG_SELFTESTS {
        sums.sweep(vm, &format!("selftest {name}"), Some(FEW))?;
    }
    for file in vm.run("ls /proc")?.split_whitespace() {
        sums.sweep(vm, &format!("cat /proc/{file}"), None)?;
    }
    sums.judge(MIN_OF_LONG_SELFTESTS)?;
    is_consistent(vm)
}

/// Every command that `help` lists has a row or a reason for having none, and vice versa.
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

/// The bugs that can be tried: those that `bug` lists, without the exceptions.
pub(super) fn bugs(vm: &mut Vm) -> Result<Vec<String>> {
    let listed = vm.run("bug")?;
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    let is_tried = |name: &&str| EXCEPTED_BUGS.iter().all(|exception| exception.name != *name);
    Ok(names.filter(is_tried).map(str::to_owned).collect())
}

/// The results of all sweeps.
#[derive(Default)]
struct Sums {
    /// How many allocations of blocks, and of pages, failed.
    failed: [u64; 2],
    /// Where something was left behind.
    faults: Vec<String>,
}

impl Sums {
    /// Nothing was left behind, and at least so many allocations of blocks and of pages failed.
    fn judge(&self, least: [u64; 2]) -> Result<()> {
        ensure!(self.faults.is_empty(), "{}", self.faults.join("\n"));
        let is_enough = self.failed.iter().zip(least).all(|(failed, least)| *failed >= least);
        ensure!(is_enough, "{:?} allocations of blocks and pages failed, not {least:?}", self.failed);
        Ok(())
    }

    /// Lets each allocation of a line fail; returns whether there were few enough for that, or some were left out.
    fn sweep(&mut self, vm: &mut Vm, line: &str, count: Option<u32>) -> Result<bool> {
        let count = count.map(|count| format!("-n {count} ")).unwrap_or_default();
        vm.enter(&format!("fail sweep -c '{SET_UP}' {count}'{line}'"))?;
        let answer = vm.wait_for_prompt(&format!("end of the sweep over `{line}`"), SWEEP_LIMIT)?;
        let sum = answer.lines().find_map(|text| text.strip_prefix("fail: sweep: "));
        let sum = sum.ok_or_else(|| Error::Wrong(format!("the sweep over `{line}` ends with `{answer}`")))?;
        if !sum.ends_with("; nothing was left behind") {
            self.faults.push(format!("`{line}`: {answer}"));
        }
        let mut numbers = sum.split(' ').filter_map(|word| word.parse::<u64>().ok());
        for failed in &mut self.failed {
            let number = numbers.next();
            *failed += number.ok_or_else(|| Error::Wrong(format!("no two numbers in `{sum}`")))?;
        }
        Ok(!sum.contains(" (not each behind the "))
    }
}

//! All memory is taken: the shell still answers.

use super::sweep::{bugs, check_table, is_consistent};
use super::table::{SET_UP, TABLE};
use crate::error::{Error, Result, ensure};
use crate::vm::Vm;

pub(super) fn commands_work_in_full_heap(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    check_table(&vm.run("help")?)?;
    let bugs = bugs(vm)?;
    let before = live(vm)?;
    let filled = vm.run("fail fill")?;
    ensure!(filled.contains(" hold all memory; "), "`fail fill` says `{filled}`");
    let meminfo = vm.run("cat /proc/meminfo")?;
    ensure!(meminfo.contains("MemFree:               0 kB"), "memory is left: {meminfo}");
    let drained = vm.run("fail drain")?;
    ensure!(drained.ends_with(" freed"), "`fail drain` says `{drained}`");
    let mut faults = Vec::new();
    let bugs = bugs.iter().map(|bug| format!("bug {bug}"));
    let lines = TABLE.iter().flat_map(|row| row.lines).map(|line| (*line).to_owned()).chain(bugs);
    for line in lines {
        let typed = format!("{line} && echo worked");
        let does_work = vm.run(&format!("{SET_UP}; {typed}"))?.ends_with("worked");
        vm.run(SET_UP)?;
        vm.run("fail fill")?;
        let answer = vm.run(&typed)?;
        vm.run("cd /; fail drain")?;
        let is_told = answer.lines().any(|line| line.contains("out of memory"));
        if does_work && !answer.ends_with("worked") && !is_told {
            faults.push(format!("`{line}` neither works nor says `out of memory`: {answer}"));
        }
    }
    vm.run("rm -rf /tmp/s")?;
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    let after = live(vm)?;
    ensure!(before == after, "live before `{before}`, after `{after}`");
    is_consistent(vm)
}

/// The line of the blocks that are live, and what is asked for.
fn live(vm: &mut Vm) -> Result<String> {
    let summary = vm.run("memstat summary")?;
    let line = summary.lines().find(|line| line.starts_with("live: "));
    line.map(str::to_owned).ok_or_else(|| Error::Wrong(format!("no line of live blocks in `{summary}`")))
}

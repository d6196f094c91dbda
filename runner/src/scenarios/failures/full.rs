//! All memory is taken: the shell still answers.

use std::fmt::Write;

use super::super::is_consistent;
use super::sweep::{bugs, check_table};
use super::table::{SET_UP, TABLE};
use crate::error::{Error, Result, ensure};
use crate::figures::MemInfo;
use crate::vm::Vm;

/// Lines that work where there is memory: the others are meant to fail.
const MIN_WORKING: u32 = 60;

pub(super) fn commands_work_in_full_heap(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    check_table(&vm.run("help")?)?;
    let bugs = bugs(vm)?;
    let filled = vm.run("fail fill")?;
    ensure!(filled.contains(" hold all memory; "), "`fail fill` says `{filled}`");
    let free = MemInfo::parse(&vm.read_file("/proc/meminfo")?)?.kibibytes("MemFree")?;
    ensure!(free == 0, "{free} kB are free, none should be");
    drain(vm)?;
    let (mut faults, mut working) = (Vec::new(), 0);
    let bugs = bugs.iter().map(|bug| format!("bug {bug}"));
    let lines = TABLE.iter().flat_map(|row| row.lines).map(|line| (*line).to_owned()).chain(bugs);
    for line in lines {
        let typed = format!("{line} && echo worked");
        let does_work = vm.run(&format!("{SET_UP}; {typed}"))?.ends_with("worked");
        working += u32::from(does_work);
        let before = at_rest(vm)?;
        let filled = vm.run("fail fill")?;
        ensure!(filled.contains(" hold all memory; "), "`fail fill` before `{line}` says `{filled}`");
        let answer = vm.run(&typed)?;
        drain(vm)?;
        let is_reported = answer.lines().any(|line| line.contains("out of memory"));
        if does_work && !answer.ends_with("worked") && !is_reported {
            faults.push(format!("`{line}` neither works nor says `out of memory`: {answer}"));
        }
        let after = at_rest(vm)?;
        if before != after {
            faults.push(format!("`{line}` leaves something behind:\n{before}\n{after}"));
        }
    }
    vm.run("rm -rf /tmp/s")?;
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    ensure!(working >= MIN_WORKING, "only {working} lines work where there is memory");
    is_consistent(vm)
}

/// Gives the memory back that `fail fill` has taken.
fn drain(vm: &mut Vm) -> Result<()> {
    let drained = vm.run("cd /; fail drain")?;
    ensure!(drained.ends_with(" freed"), "`fail drain` says `{drained}`");
    Ok(())
}

/// What is live, and the pages of files, buffers, tables and the pool, once all files are as they were. The heap and
/// the arena may keep some in hand.
fn at_rest(vm: &mut Vm) -> Result<String> {
    let output = vm.run(SET_UP)?;
    ensure!(output.is_empty(), "what the lines work with cannot be made: {output}");
    let mut figures = live(vm)?;
    let info = MemInfo::parse(&vm.read_file("/proc/meminfo")?)?;
    for name in ["Shmem", "FileBuffers", "PageTables", "GuardPages"] {
        // A string takes everything.
        let _ = write!(figures, ", {name} {} kB", info.kibibytes(name)?);
    }
    Ok(figures)
}

/// The line of the blocks that are live, and what is asked for.
fn live(vm: &mut Vm) -> Result<String> {
    let summary = vm.run("memstat summary")?;
    let line = summary.lines().find(|line| line.starts_with("live: "));
    line.map(str::to_owned).ok_or_else(|| Error::Wrong(format!("no line of live blocks in `{summary}`")))
}

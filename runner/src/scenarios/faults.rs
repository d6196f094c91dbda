//! The kernel's own bugs, asked for by `bug KIND`: each must end in a readable report, never in a reboot loop.

use std::time::Duration;

use super::stopped_report;
use crate::error::{Result, ensure};
use crate::figures::Allocs;
use crate::machine::DEFAULT;
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "page-fault",
        about: "a bad access ends in a register dump, a backtrace and a stop",
        judge: Judge::Drive(DEFAULT, page_fault_is_reported),
    },
    Scenario {
        name: "null-pointer",
        about: "page 0 is unmapped, and the report says so",
        judge: Judge::Drive(DEFAULT, null_pointer_is_named),
    },
    Scenario {
        name: "stack-overflow",
        about: "the guard page and the double fault's own stack turn it into a report",
        judge: Judge::Drive(DEFAULT, stack_overflow_is_reported),
    },
    Scenario {
        name: "panic",
        about: "a panic names its place in the source, shows a backtrace and stops",
        judge: Judge::Drive(DEFAULT, panic_is_reported),
    },
    Scenario {
        name: "nmi",
        about: "a non-maskable interrupt at the prompt is reported",
        judge: Judge::Drive(DEFAULT, nmi_is_reported),
    },
    Scenario {
        name: "double-free",
        about: "freeing a block twice is reported once and changes nothing",
        judge: Judge::Drive(DEFAULT, double_free_does_no_harm),
    },
];

fn page_fault_is_reported(vm: &mut Vm) -> Result<()> {
    let report = cause(vm, "bug page-fault", "page fault")?;
    judge_report(vm, &report, &["rip", "rsp", "cr2"])
}

fn null_pointer_is_named(vm: &mut Vm) -> Result<()> {
    let report = cause(vm, "bug null", "page fault")?;
    judge_report(vm, &report, &["null pointer"])
}

fn stack_overflow_is_reported(vm: &mut Vm) -> Result<()> {
    let report = cause(vm, "bug stack-overflow", "stack overflow")?;
    judge_report(vm, &report, &["rip", "rsp"])
}

fn panic_is_reported(vm: &mut Vm) -> Result<()> {
    let report = cause(vm, "bug panic", "panic")?;
    ensure!(report.contains(".rs:"), "the report names no source file");
    judge_report(vm, &report, &[])
}

fn nmi_is_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.monitor().inject_nmi()?;
    let report = read_report(vm, "non-maskable interrupt")?;
    judge_report(vm, &report, &["rip", "rsp"])
}

/// Types the command at the first prompt and reads its report.
fn cause(vm: &mut Vm, line: &str, title: &str) -> Result<String> {
    vm.wait_for_boot()?;
    vm.enter(line)?;
    read_report(vm, title)
}

/// Reads a report that has the title in it, to its last line.
fn read_report(vm: &mut Vm, title: &str) -> Result<String> {
    let report = stopped_report(vm)?;
    ensure!(report.contains(title), "the report does not name `{title}`");
    Ok(report)
}

/// A report has the words, a call stack of at least two kernel addresses, and leaves the machine stopped.
fn judge_report(vm: &mut Vm, report: &str, words: &[&str]) -> Result<()> {
    for word in words.iter().chain(&["memory: ", "heap: "]) {
        ensure!(report.contains(word), "the report has no `{word}`");
    }
    let (_, call_stack) = report.split_once("call stack:").unwrap_or_default();
    let frames = call_stack.matches("0xffffffff8").count();
    ensure!(frames >= 2, "the call stack has {frames} frames");
    vm.enter("echo still here")?;
    let after = vm.text_after(Duration::from_secs(1));
    ensure!(after.is_empty(), "the kernel continues after the report: {after}");
    ensure!(vm.end()?.is_none(), "the machine went off or was reset instead of stopping");
    ensure!(vm.monitor().is_running()?, "QEMU itself has stopped the machine");
    Ok(())
}

fn double_free_does_no_harm(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    expect_harmless_error(vm, "bug double-free", "double free of 0xffff8")
}

/// Runs a command, which must log `words` once and leave the live blocks unchanged.
fn expect_harmless_error(vm: &mut Vm, line: &str, words: &str) -> Result<()> {
    let before = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let answer = vm.run(line)?;
    ensure!(answer.matches(words).count() == 1, "`{line}` does not log `{words}` once: {answer}");
    let after = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    ensure!(before == after, "live blocks differ after `{line}`:\n{before:?}\n{after:?}");
    Ok(())
}

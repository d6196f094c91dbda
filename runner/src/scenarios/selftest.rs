//! The kernel's self-tests, run inside it by `selftest`.

use crate::error::{Error, Result, ensure};
use crate::figures::Allocs;
use crate::machine::{DEFAULT, Machine};
use crate::suite::{Judge, Scenario};
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "selftest",
        about: "all of them pass, twice, and the second run leaves the live blocks as they were",
        judge: Judge::Drive(DEFAULT, selftests_pass_twice),
    },
    Scenario {
        name: "selftest-off",
        about: "the same where the kernel booted without recording anything",
        judge: Judge::Drive(Machine { cmdline: "memstat=off", ..DEFAULT }, selftests_pass_twice),
    },
    Scenario {
        name: "selftest-full",
        about: "the same with call stacks and a history that is overwritten",
        judge: Judge::Drive(
            Machine { cmdline: "memstat=full memstat.history=100", ..DEFAULT },
            selftests_pass_twice,
        ),
    },
    Scenario {
        name: "selftest-arena-64K",
        about: "the same with an arena too small for the records",
        judge: Judge::Drive(Machine { cmdline: "memstat.arena=64K", ..DEFAULT }, selftests_pass_twice),
    },
    Scenario {
        name: "selftest-arena-0",
        about: "the same with no arena at all",
        judge: Judge::Drive(Machine { cmdline: "memstat.arena=0", ..DEFAULT }, selftests_pass_twice),
    },
    Scenario {
        name: "lesson",
        about: "demo=memstat counts two blocks of 640 bytes, then one of 512, over the base line",
        judge: Judge::Drive(Machine { cmdline: "demo=memstat", ..DEFAULT }, lesson_is_counted),
    },
];

fn selftests_pass_twice(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_selftests(&vm.run("selftest")?)?;
    let before = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    judge_selftests(&vm.run("selftest")?)?;
    let after = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    ensure!(
        (before.blocks, before.bytes) == (after.blocks, after.bytes),
        "the second run left {} blocks of {} bytes where {} of {} were",
        after.blocks,
        after.bytes,
        before.blocks,
        before.bytes
    );
    Ok(())
}

/// `test NAME ... ok` or `test NAME ... FAILED: reason`, and a sum at the end that fits.
fn judge_selftests(output: &str) -> Result<()> {
    let results: Vec<&str> = output.lines().filter(|line| line.starts_with("test ")).collect();
    for line in &results {
        ensure!(line.ends_with(" ... ok"), "in the kernel: {line}");
    }
    // The classic lesson stands among them under this name.
    let lesson = "test ten_kmalloc_and_kfree_agree_at_every_step ... ok";
    ensure!(results.contains(&lesson), "selftest does not run ten_kmalloc_and_kfree_agree_at_every_step");
    let sum = output.lines().find_map(|line| line.strip_prefix("selftest: "));
    let sum = sum.ok_or_else(|| Error::Wrong("selftest prints no sum".into()))?;
    ensure!(!results.is_empty(), "selftest runs no test");
    ensure!(
        sum == format!("{} passed, 0 failed", results.len()),
        "selftest ran {} tests: {sum}",
        results.len()
    );
    Ok(())
}

fn lesson_is_counted(vm: &mut Vm) -> Result<()> {
    let boot = vm.wait_for_boot()?;
    let first = boot.find("2 active blocks, 640 bytes");
    let first = first.ok_or_else(|| Error::Wrong("no line says `2 active blocks, 640 bytes`".into()))?;
    let rest = boot.get(first..).unwrap_or_default();
    ensure!(rest.contains("1 active block, 512 bytes"), "no later line says `1 active block, 512 bytes`");
    Ok(())
}

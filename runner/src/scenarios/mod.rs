//! What is tested: tables of scenarios, one file per topic.
//!
//! A new scenario is one row in one of these tables (and a function, if no existing one checks it); a new topic is one
//! file and one line here. Each row has its own machine.

mod allocs;
mod bench;
mod black_box;
mod boot;
mod bugs;
mod crash;
mod devices;
mod examples;
mod export;
mod failures;
mod faults;
mod files;
mod files_commands;
mod guard_pages;
mod guards;
mod image;
mod leaks_marks;
mod lesson;
mod memory;
mod names;
mod product;
mod reach;
mod selftest;
mod shell;
mod sources;
mod whatis;

use std::time::Duration;

use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::text;
use crate::vm::{COMMAND_LIMIT, Vm};

/// All scenarios. The slowest machines come first, so that none of them is still running when the rest is done.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    let subjects: &[&[Scenario]] = &[
        boot::SCENARIOS,
        black_box::SCENARIOS,
        crash::SCENARIOS,
        faults::SCENARIOS,
        bugs::SCENARIOS,
        examples::SCENARIOS,
        export::SCENARIOS,
        failures::SCENARIOS,
        memory::SCENARIOS,
        names::SCENARIOS,
        reach::SCENARIOS,
        selftest::SCENARIOS,
        bench::SCENARIOS,
        shell::SCENARIOS,
        files::SCENARIOS,
        files_commands::SCENARIOS,
        guard_pages::SCENARIOS,
        guards::SCENARIOS,
        leaks_marks::SCENARIOS,
        lesson::SCENARIOS,
        devices::SCENARIOS,
        image::SCENARIOS,
        product::SCENARIOS,
        allocs::SCENARIOS,
        whatis::SCENARIOS,
    ];
    subjects.iter().copied().flatten()
}

/// Scenarios that take long: those of `make soak`.
pub(crate) fn soak() -> impl Iterator<Item = &'static Scenario> {
    failures::SOAK.iter().chain(reach::SOAK).chain(memory::SOAK).chain(lesson::SOAK)
}

/// A row of a table: the default machine, with these options on the kernel's command line.
const fn with_words(
    name: &'static str,
    about: &'static str,
    cmdline: &'static str,
    judge: fn(&mut Vm) -> Result<()>,
) -> Scenario {
    Scenario { name, about, judge: Judge::Drive(Machine { cmdline, ..DEFAULT }, judge) }
}

/// Reads a report of the kernel, up to the line that says that it has stopped.
fn stopped_report(vm: &mut Vm) -> Result<String> {
    vm.expect("report that ends with `stopped`", COMMAND_LIMIT, |text| {
        text::is_stopped(text).then(|| text.to_owned())
    })
}

/// The text has all of the words.
fn has_all(text: &str, words: &[&str]) -> Result<()> {
    match words.iter().find(|word| !text.contains(**word)) {
        Some(missing) => Err(Error::Wrong(format!("there is no `{missing}` in:\n{text}"))),
        None => Ok(()),
    }
}

/// The tracker's figures are consistent.
fn is_consistent(vm: &mut Vm) -> Result<()> {
    let file = vm.run("cat /proc/memstat")?;
    ensure!(file.lines().any(|line| line == "consistent: yes"), "the figures do not agree:\n{file}");
    is_balanced(vm)
}

/// Each byte of RAM is accounted for.
fn is_balanced(vm: &mut Vm) -> Result<()> {
    let file = vm.run("cat /proc/balance")?;
    ensure!(file.lines().any(|line| line == "balanced: yes"), "memory is not in balance:\n{file}");
    Ok(())
}

/// Types `poweroff`; QEMU must end by itself, without an error.
fn power_off(vm: &mut Vm) -> Result<()> {
    vm.enter("poweroff")?;
    let status = vm.wait_for_end(Duration::from_secs(30))?;
    ensure!(status.success(), "after poweroff QEMU ended with {status}");
    Ok(())
}

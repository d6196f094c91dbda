//! What is tested: tables of scenarios, one file a subject.
//!
//! A new scenario is one row in one of these tables (and a function, if no present one judges it); a new
//! subject is one file and one line here. Each row boots a machine of its own.

mod bench;
mod black_box;
mod boot;
mod bugs;
mod crash;
mod devices;
mod failures;
mod faults;
mod files;
mod files_commands;
mod guard_pages;
mod guards;
mod image;
mod leaks_marks;
mod memory;
mod names;
mod reach;
mod selftest;
mod shell;
mod sources;

use std::time::Duration;

use crate::error::{Result, ensure};
use crate::suite::Scenario;
use crate::vm::Vm;

/// All scenarios. The slowest machines stand first, so that none of them is still at work when the rest is done.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    let subjects: [&[Scenario]; 19] = [
        boot::SCENARIOS,
        black_box::SCENARIOS,
        crash::SCENARIOS,
        faults::SCENARIOS,
        bugs::SCENARIOS,
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
        devices::SCENARIOS,
        image::SCENARIOS,
    ];
    subjects.into_iter().flatten()
}

/// Types `poweroff`; QEMU must end by itself, without an error.
fn power_off(vm: &mut Vm) -> Result<()> {
    vm.enter("poweroff")?;
    let status = vm.wait_for_end(Duration::from_secs(10))?;
    ensure!(status.success(), "after poweroff QEMU ended with {status}");
    Ok(())
}

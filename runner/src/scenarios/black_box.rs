//! The black box: what the last boot left is there after a restart, whatever ended it.

use std::time::Duration;

use super::sources::{BUG, EXECUTE};
use super::{has_all, power_off};
use crate::error::{Result, ensure};
use crate::figures::IoMem;
use crate::machine::{DEFAULT, Firmware, Machine, OnReset};
use crate::scenario::{Judge, Scenario};
use crate::vm::{COMMAND_LIMIT, Vm};

const FILE: &str = "cat /proc/last_boot";
/// Firmware, loader, kernel, and the five seconds in which a report can be read.
const RESTART_LIMIT: Duration = Duration::from_mins(2);

const BIOS: Machine = Machine { cmdline: "memstat=full panic=reboot", on_reset: OnReset::Reboot, ..DEFAULT };
const UEFI: Machine = Machine { firmware: Firmware::Uefi, ..BIOS };

const fn row(
    name: &'static str,
    about: &'static str,
    machine: Machine<'static>,
    drive: fn(&mut Vm) -> Result<()>,
) -> Scenario {
    Scenario { name, about, judge: Judge::Drive(machine, drive) }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    row(
        "blackbox-panic-uefi",
        "UEFI: after a panic the report and the events are there",
        UEFI,
        panic_is_reported,
    ),
    row("blackbox-panic", "BIOS: after a panic the report and the events are there", BIOS, panic_is_reported),
    row("blackbox-reboot-uefi", "UEFI: `reboot` keeps the box", UEFI, reboot_is_reported),
    row("blackbox-reboot", "BIOS: `reboot` keeps the box", BIOS, reboot_is_reported),
    row("blackbox-q35", "q35: `reboot` keeps the box", Machine { board: "q35", ..BIOS }, reboot_is_reported),
    row("blackbox-32M", "with 32 MB too", Machine { memory_mib: 32, ..BIOS }, reboot_is_reported),
    row("blackbox-6G", "with 6 GB too", Machine { memory_mib: 6144, ..BIOS }, reboot_is_reported),
    row("blackbox-reset", "a reset by the button leaves the last second", BIOS, reset_is_reported),
    row(
        "blackbox-double",
        "a report that crashed is there as far as it came",
        BIOS,
        double_panic_is_reported,
    ),
    row(
        "blackbox-damaged",
        "a box that was written to meanwhile says so in a line",
        // QEMU writes these words at each reset: into the head of each slot of the region at 40 MiB.
        Machine {
            devices: &[
                "loader,addr=0x2800050,data=0x5a5a5a5a5a5a5a5a,data-len=8",
                "loader,addr=0x2808050,data=0x5a5a5a5a5a5a5a5a,data-len=8",
                "loader,addr=0x2810050,data=0x5a5a5a5a5a5a5a5a,data-len=8",
            ],
            ..BIOS
        },
        damage_is_noticed,
    ),
    Scenario {
        name: "blackbox-cold",
        about: "after a cold start there is no record, and nothing is said",
        judge: Judge::PowerOn(DEFAULT, cold_start_is_quiet),
    },
    row(
        "blackbox-off",
        "blackbox=off keeps nothing",
        Machine { cmdline: "panic=reboot blackbox=off", ..BIOS },
        off_keeps_nothing,
    ),
];

fn panic_is_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("bug leak; echo before the end > /dev/kmsg")?;
    vm.enter("bug panic")?;
    vm.wait_for_prompt("prompt after the panic", RESTART_LIMIT)?;
    let output = vm.run(FILE)?;
    has_all(
        &output,
        &[
            "last_boot - version: 1.0\nended: panic\n",
            &format!("report:\npanic at {}", BUG.place()),
            "asked for by a person",
            &EXECUTE.place(),
            "] before the end\n",
            "levels: memstat=full guard=off\n",
            ", this one\n",
        ],
    )?;
    let (_, events) = output.split_once("\nevents: ").unwrap_or_default();
    let named =
        events.lines().filter(|row| row.contains(" allocate 0xffff8") && row.contains(" kernel/src/"));
    ensure!(named.count() >= 3, "the events do not name who asked:\n{output}");
    let log = vm.run("dmesg")?;
    ensure!(
        log.contains("the last boot ended with a report"),
        "the log does not point at the report:\n{log}"
    );
    // It stays while this boot writes its own records.
    let later = vm.text_after(Duration::from_secs(3));
    ensure!(
        !later.contains("panic at") && vm.run(FILE)? == output,
        "the record changes while the kernel runs"
    );
    power_off(vm)
}

fn reboot_is_reported(vm: &mut Vm) -> Result<()> {
    let first = vm.wait_for_boot()?;
    ensure!(!first.contains("last boot"), "a cold start speaks of a last boot:\n{first}");
    vm.run("echo number one > /dev/kmsg")?;
    restart(vm, "reboot")?;
    has_all(&vm.run(FILE)?, &["ended: reboot\n", "boot: 1, ", "] number one\n"])?;
    vm.run("echo number two > /dev/kmsg")?;
    restart(vm, "reboot")?;
    let output = vm.run(FILE)?;
    has_all(&output, &["ended: reboot\n", "boot: 2, ", "] number two\n"])?;
    ensure!(!output.contains("number one"), "the record is not of the last boot:\n{output}");
    power_off(vm)
}

fn reset_is_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("bug leak; echo number one > /dev/kmsg")?;
    // A second of waiting and a bit, in which a record is written.
    vm.text_after(Duration::from_millis(2500));
    push_reset_button(vm)?;
    has_all(
        &vm.run(FILE)?,
        &["ended: unknown: reset, hang or loss of power\n", "] number one\n", " allocate "],
    )?;
    restart(vm, "bug stack-overflow")?;
    has_all(&vm.run(FILE)?, &["ended: exception\n", "kernel stack overflow", "parse_list_without_a_limit"])?;
    power_off(vm)
}

fn double_panic_is_reported(vm: &mut Vm) -> Result<()> {
    const LAST_WORDS: &str = " while reporting\n";
    vm.wait_for_boot()?;
    vm.enter("bug double-panic")?;
    vm.expect("line about a panic in the report", COMMAND_LIMIT, |text| {
        text.contains(LAST_WORDS).then_some(())
    })?;
    // The line is said first, then kept.
    vm.text_after(Duration::from_secs(1));
    push_reset_button(vm)?;
    has_all(&vm.run(FILE)?, &["ended: panic\n", LAST_WORDS])
}

fn damage_is_noticed(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let place: Vec<_> = IoMem::parse(&vm.read_file("/proc/iomem")?)?.ranges("ramoops").collect();
    ensure!(place == [(0x0280_0000, 0x0281_7fff)], "the region lies at {place:x?}, not where it is damaged");
    restart(vm, "bug panic")?;
    let output = vm.run(FILE)?;
    ensure!(output == "no record: damaged: its checksum is wrong", "a damaged box reads:\n{output}");
    power_off(vm)
}

fn cold_start_is_quiet(vm: &mut Vm) -> Result<()> {
    let boot = vm.wait_for_boot()?;
    ensure!(!boot.contains("last boot") && !boot.contains("black box"), "the boot log speaks of it:\n{boot}");
    let output = vm.run(FILE)?;
    ensure!(
        output.starts_with("no record: none found") && output.lines().count() == 1,
        "it reads:\n{output}"
    );
    power_off(vm)
}

fn off_keeps_nothing(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    restart(vm, "reboot")?;
    let output = vm.run(FILE)?;
    ensure!(output == "no record: there is no black box", "it reads:\n{output}");
    let info = vm.run("grep BlackBox /proc/meminfo; grep ramoops /proc/iomem")?;
    ensure!(info == "BlackBox:              0 kB", "it takes memory:\n{info}");
    power_off(vm)
}

fn restart(vm: &mut Vm, line: &str) -> Result<()> {
    vm.enter(line)?;
    vm.wait_for_prompt("prompt after the restart", RESTART_LIMIT).map(drop)
}

fn push_reset_button(vm: &mut Vm) -> Result<()> {
    vm.reset()?;
    vm.wait_for_prompt("prompt after the reset", RESTART_LIMIT).map(drop)
}

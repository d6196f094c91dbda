//! Every machine that the kernel should boot on: to the prompt, then off again.

use std::time::Duration;

use super::power_off;
use crate::error::{Error, Result, ensure};
use crate::machine::{Clock, DEFAULT, Firmware, Machine, Medium, OnReset};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

/// From the kernel's first instruction to the prompt, in guest time.
const BOOT_SECONDS: f64 = 1.5;

const UEFI: Machine = Machine { firmware: Firmware::Uefi, ..DEFAULT };

/// A row of the table below: boot, look around, power off.
const fn boots(name: &'static str, about: &'static str, machine: Machine<'static>) -> Scenario {
    Scenario { name, about, judge: Judge::PowerOn(machine, boot_and_power_off) }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    boots("boot-uefi", "UEFI to the prompt, a linear framebuffer", UEFI),
    boots(
        "boot-uefi-q35-max",
        "UEFI, q35, every CPU feature of TCG",
        Machine { board: "q35", cpu: "max", ..UEFI },
    ),
    boots("boot-uefi-no-screen", "UEFI without a graphics card", Machine { vga: "none", ..UEFI }),
    boots("boot-uefi-stick", "UEFI from a USB stick", Machine { medium: Medium::Stick, ..UEFI }),
    boots("boot-bios-stick", "BIOS from a USB stick", Machine { medium: Medium::Stick, ..DEFAULT }),
    Scenario {
        name: "boot-time",
        about: "from entry to prompt in at most 1.5 s of guest time",
        judge: Judge::PowerOn(Machine { clock: Clock::Instructions, ..DEFAULT }, prompt_comes_in_time),
    },
    Scenario {
        name: "reboot",
        about: "`reboot` comes back to the prompt",
        judge: Judge::PowerOn(Machine { on_reset: OnReset::Reboot, ..DEFAULT }, reboot_comes_back),
    },
    boots("boot-bios", "BIOS to the prompt", DEFAULT),
    boots("boot-bios-max", "BIOS, every CPU feature of TCG", Machine { cpu: "max", ..DEFAULT }),
    boots("boot-bios-q35", "BIOS, q35", Machine { board: "q35", ..DEFAULT }),
    boots(
        "boot-bios-q35-max",
        "BIOS, q35, every CPU feature",
        Machine { board: "q35", cpu: "max", ..DEFAULT },
    ),
    boots("boot-bios-cirrus", "BIOS, an old graphics card", Machine { vga: "cirrus", ..DEFAULT }),
    boots("boot-bios-no-screen", "BIOS without a graphics card", Machine { vga: "none", ..DEFAULT }),
    Scenario {
        name: "boot-cmdline",
        about: "an unknown word of the command line is named, not fatal",
        judge: Judge::PowerOn(
            Machine { cmdline: "no-such-word=1,2 log=loud", ..DEFAULT },
            unknown_words_are_named,
        ),
    },
    Scenario {
        name: "boot-cmdline-long",
        about: "words behind 600 bytes of others count, and one without room is named",
        judge: Judge::PowerOn(Machine { cmdline: LONG_LINE, ..DEFAULT }, long_line_counts),
    },
];

/// A letter lies across the 512th byte; the second word is longer than all words may be together.
const LONG_LINE: &str = concat!(
    "memstat=counters ",
    // 30 letters of two bytes, eight times.
    "éééééééééééééééééééééééééééééé",
    "éééééééééééééééééééééééééééééé",
    "éééééééééééééééééééééééééééééé",
    "éééééééééééééééééééééééééééééé",
    "éééééééééééééééééééééééééééééé",
    "éééééééééééééééééééééééééééééé",
    "éééééééééééééééééééééééééééééé",
    "éééééééééééééééééééééééééééééé",
    "éééééééééééééééééééééééééééééé",
    " heap=tlsf log=debug",
);

fn long_line_counts(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let words = vm.run("cat /proc/cmdline")?;
    ensure!(words.ends_with("é heap=tlsf log=debug"), "/proc/cmdline is `{words}`");
    let log = vm.run("dmesg")?;
    ensure!(log.contains("command line: 'éé"), "no line of the log names the word of many letters");
    let heap = vm.run("grep -c tlsf /proc/memstat")?;
    ensure!(heap == "1", "the heap is not the one that stands behind 600 bytes");
    power_off(vm)
}

fn boot_and_power_off(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let answer = vm.run("echo one   two 'three  four'")?;
    ensure!(answer == "one two three  four", "echo answers `{answer}`");
    power_off(vm)
}

fn reboot_comes_back(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.enter("reboot")?;
    vm.wait_for_prompt("shell prompt after a reboot", Duration::from_secs(45))?;
    ensure!(vm.run("echo back")? == "back", "the shell does not answer after a reboot");
    power_off(vm)
}

fn prompt_comes_in_time(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let uptime = vm.run("cat /proc/uptime")?;
    let seconds = uptime.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    let seconds = seconds.ok_or_else(|| Error::Wrong(format!("/proc/uptime holds `{uptime}`")))?;
    ensure!(seconds <= BOOT_SECONDS, "{seconds} s of guest time to the prompt, {BOOT_SECONDS} s at most");
    power_off(vm)
}

fn unknown_words_are_named(vm: &mut Vm) -> Result<()> {
    let boot = vm.wait_for_boot()?;
    for word in ["no-such-word=1,2", "log=loud"] {
        let is_named = boot.lines().any(|line| line.contains("command line") && line.contains(word));
        ensure!(is_named, "no line of the log names the unknown word {word}");
    }
    Ok(())
}

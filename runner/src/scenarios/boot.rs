//! Every machine that the kernel should boot on: to the prompt, then off again.

use std::time::Duration;

use super::devices::choose_text_mode;
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
    Scenario {
        name: "boot-refused-32-bit",
        about: "a CPU without 64-bit mode is refused in words, on the serial port and on the screen",
        judge: Judge::PowerOn(Machine { cpu: "qemu32", ..DEFAULT }, no_long_mode_is_refused),
    },
    Scenario {
        name: "boot-refused-no-nx",
        about: "a CPU without no-execute pages is refused in words, in text mode as well",
        judge: Judge::PowerOn(Machine { cpu: "qemu64,-nx", ..DEFAULT }, no_nx_is_refused),
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
    vm.wait_for_prompt("shell prompt after a reboot", Duration::from_mins(2))?;
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

/// Refusals stand on the screen's first line.
const LETTER_ROWS: usize = 16;
/// White points that a line of text has at least.
const MIN_POINTS: usize = 500;

fn no_long_mode_is_refused(vm: &mut Vm) -> Result<()> {
    is_refused(vm, "boot: E3: Tally needs a 64-bit CPU with NX; this one has no 64-bit mode")?;
    let picture = vm.still_screen()?;
    let (columns, points) =
        points(&picture).ok_or_else(|| Error::Wrong("the screen is no picture".into()))?;
    let is_white = |point: &&[u8]| **point == [0xff; 3];
    let text = points.clone().take(columns * LETTER_ROWS).filter(is_white).count();
    let below = points.skip(columns * LETTER_ROWS).filter(is_white).count();
    ensure!(text > MIN_POINTS && below == 0, "{text} white points in the first line, {below} below");
    Ok(())
}

fn no_nx_is_refused(vm: &mut Vm) -> Result<()> {
    const TEXT: &str = "boot: E4: Tally needs a 64-bit CPU with NX; this one has no NX (no-execute pages)";
    choose_text_mode(vm)?;
    is_refused(vm, TEXT)?;
    vm.wait_for_screen("refusal in text mode", vm.boot_limit(), |vm| Ok(vm.screen_text()?.starts_with(TEXT)))
}

fn is_refused(vm: &mut Vm, text: &str) -> Result<()> {
    let limit = vm.boot_limit();
    vm.expect("refusal", limit, |said| said.contains(text).then_some(()))
}

/// How many columns a PPM picture has, and its points.
fn points(picture: &[u8]) -> Option<(usize, impl Iterator<Item = &[u8]> + Clone)> {
    let mut rest = picture;
    let mut lines = [""; 3];
    for line in &mut lines {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        *line = str::from_utf8(rest.get(..end)?).ok()?;
        rest = rest.get(end + 1..)?;
    }
    let columns = lines[1].split(' ').next()?.parse().ok()?;
    Some((columns, rest.chunks_exact(3)))
}

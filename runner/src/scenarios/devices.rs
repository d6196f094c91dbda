//! Screen and keyboard: a machine without a serial port is used by them alone.
//!
//! What its screen should show is taken from an equal machine that has a serial port: the same prompt, the same
//! picture. The screen shows no time, so nothing else differs.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Result, ensure};
use crate::machine::{DEFAULT, Firmware, Machine};
use crate::scenario::{Judge, Scenario};
use crate::vm::{COMMAND_LIMIT, Vm};

/// The log's timestamps would differ between the machines.
const QUIET: Machine = Machine { cmdline: "log=error", ..DEFAULT };
const QUIET_UEFI: Machine = Machine { firmware: Firmware::Uefi, ..QUIET };

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "no-serial-uefi",
        about: "UEFI without a serial port",
        judge: Judge::Compare(
            [Machine { has_serial: false, ..QUIET_UEFI }, QUIET_UEFI],
            keyboard_and_screen_suffice,
        ),
    },
    Scenario {
        name: "no-serial-bios",
        about: "BIOS without a serial port: keyboard in, screen out",
        judge: Judge::Compare([Machine { has_serial: false, ..QUIET }, QUIET], keyboard_and_screen_suffice),
    },
    Scenario {
        name: "text-mode",
        about: "the second entry of GRUB's menu, on VGA's text screen",
        judge: Judge::PowerOn(DEFAULT, text_mode_shows_the_shell),
    },
    Scenario {
        name: "keyboard",
        about: "what the PS/2 keyboard types reaches the shell, capitals and editing included",
        judge: Judge::Drive(DEFAULT, keyboard_reaches_shell),
    },
    Scenario {
        name: "long-line-128",
        about: "a line that wraps is edited on a screen of 128 columns",
        judge: Judge::Drive(DEFAULT, long_line_is_shown_as_if_typed_at_once),
    },
    Scenario {
        name: "long-line-80",
        about: "a line that wraps is edited in text mode, and on serial terminals of 80 and 100 columns",
        judge: Judge::PowerOn(DEFAULT, long_line_wraps_in_text_mode),
    },
];

fn keyboard_reaches_shell(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.press_line("echo Key-1; pwd")?;
    let answer = vm.wait_for_prompt("prompt after a line from the keyboard", COMMAND_LIMIT)?;
    ensure!(answer == "Key-1\n/", "typed `echo Key-1; pwd`, got `{answer}`");
    Ok(())
}

fn keyboard_and_screen_suffice([vm, twin]: &mut [Vm; 2]) -> Result<()> {
    twin.wait_for_boot()?;
    let at_prompt = twin.still_screen()?;
    wait_for_picture(vm, "prompt on the screen", &at_prompt)?;

    twin.run("cat /proc/version; cat /nope")?;
    vm.press_line("cat /proc/version; cat /nope")?;
    wait_for_picture(vm, "answer on the screen", &twin.still_screen()?)?;

    twin.run("clear")?;
    vm.press_line("clear")?;
    wait_for_picture(vm, "clear screen", &at_prompt)?;

    vm.press_line("poweroff")?;
    let status = vm.wait_for_end(Duration::from_secs(30))?;
    ensure!(status.success(), "after poweroff QEMU ended with {status}");
    Ok(())
}

fn wait_for_picture(vm: &mut Vm, awaited: &str, picture: &[u8]) -> Result<()> {
    vm.wait_for_screen(awaited, vm.boot_limit(), |vm| Ok(vm.screen()? == picture))
}

/// Chooses GRUB's second entry, and waits for the prompt.
pub(super) fn boot_in_text_mode(vm: &mut Vm) -> Result<()> {
    choose_text_mode(vm)?;
    vm.wait_for_boot().map(drop)
}

/// Chooses GRUB's second entry.
pub(super) fn choose_text_mode(vm: &mut Vm) -> Result<()> {
    choose_entry(vm, "Tally in text mode")
}

/// Chooses an entry of GRUB's menu, which is not the first.
pub(super) fn choose_entry(vm: &mut Vm, entry: &str) -> Result<()> {
    const MENU_LIMIT: Duration = Duration::from_mins(1);
    const KEY_LIMIT: Duration = Duration::from_secs(3);
    const KEY_PAUSE: Duration = Duration::from_millis(500);
    vm.wait_for_screen("menu of GRUB", MENU_LIMIT, |vm| {
        vm.monitor().press(&["esc"])?;
        Ok(vm.screen_text()?.contains(entry))
    })?;
    let chosen = format!("*{entry}");
    vm.wait_for_screen("entry of GRUB's menu", MENU_LIMIT, |vm| {
        let before = vm.screen_text()?;
        if before.contains(&chosen) {
            // On a busy machine a key may still be on its way.
            thread::sleep(KEY_PAUSE);
            return Ok(vm.screen_text()?.contains(&chosen));
        }
        let star = before.find("*Tally").or_else(|| before.find("*Lesson"));
        let is_below = star > before.find(entry);
        vm.monitor().press(&[if is_below { "up" } else { "down" }])?;
        // GRUB may miss a key, or take its time.
        let pressed = Instant::now();
        while vm.screen_text()? == before && pressed.elapsed() < KEY_LIMIT {
            thread::sleep(Duration::from_millis(50));
        }
        Ok(false)
    })?;
    for _ in 0..3 {
        vm.monitor().press(&["ret"])?;
        let is_left = |vm: &mut Vm| Ok(!vm.screen_text()?.contains("Press enter to boot"));
        if vm.wait_for_screen("end of GRUB's menu", Duration::from_secs(5), is_left).is_ok() {
            break;
        }
    }
    Ok(())
}

fn text_mode_shows_the_shell(vm: &mut Vm) -> Result<()> {
    boot_in_text_mode(vm)?;
    vm.run("clear; echo one; echo two")?;
    let column = |text: &str| format!("{text:<80}");
    let expected = [column("one"), column("two"), column("tally:/#")].concat();
    vm.wait_for_screen("answer in text mode", COMMAND_LIMIT, |vm| {
        Ok(vm.screen_text()?.starts_with(&expected))
    })
}

/// 140 digits, of which 60 are taken back, and a letter at the start.
fn edited_line() -> Vec<u8> {
    let digits = "1234567890".repeat(14);
    [b"echo ", digits.as_bytes(), &[0x7f; 60], b"\x01X"].concat()
}

/// What the keys of [`edited_line`] make.
fn line_as_edited() -> String {
    format!("Xecho {}", "1234567890".repeat(8))
}

fn long_line_is_shown_as_if_typed_at_once(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    // A long path in the prompt, so that the line still wraps when it is short again.
    let folder = format!("/tmp/{}", "x".repeat(50));
    vm.run(&format!("mkdir {folder}; cd {folder}; clear"))?;
    vm.type_bytes(&edited_line())?;
    let edited = vm.still_screen()?;
    vm.type_bytes(b"\x15")?;
    let empty = vm.still_screen()?;
    ensure!(edited != empty, "nothing of the line is on the screen");
    // The same line in one go; the cursor goes to the second character, as it is there.
    vm.type_bytes(format!("{}\x01\x1b[C", line_as_edited()).as_bytes())?;
    vm.wait_for_screen("the same line on the screen", COMMAND_LIMIT, |vm| Ok(vm.screen()? == edited))
}

fn long_line_wraps_in_text_mode(vm: &mut Vm) -> Result<()> {
    boot_in_text_mode(vm)?;
    vm.run("clear")?;
    vm.type_bytes(&edited_line())?;
    let shown = format!("{:<240}", format!("tally:/# {}", line_as_edited()));
    vm.wait_for_screen("edited line in text mode", COMMAND_LIMIT, |vm| {
        Ok(vm.screen_text()?.starts_with(&shown))
    })?;
    let goes_up = |vm: &mut Vm, sequence: &str| {
        vm.expect_raw("a step over the edge of a row", COMMAND_LIMIT, |bytes| {
            String::from_utf8_lossy(bytes).contains(sequence).then_some(())
        })
    };
    goes_up(vm, "\x1b[A\x1b[80G")?;
    // A terminal that answers after Ctrl-L that it is wider.
    vm.type_bytes(b"\x03\x0c\x1b[30;100R")?;
    vm.type_bytes(&edited_line())?;
    goes_up(vm, "\x1b[A\x1b[100G")?;
    vm.type_bytes(b"\x03")?;
    vm.wait_for_prompt("prompt after Ctrl-C", COMMAND_LIMIT)?;
    let answer = vm.run("echo still here")?;
    ensure!(answer == "still here", "after all that the shell answers `{answer}`");
    Ok(())
}

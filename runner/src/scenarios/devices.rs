//! Screen and keyboard: a machine without a serial port is used by them alone.
//!
//! What its screen should show is taken from an equal machine that has a serial port: the same prompt, the same
//! picture. The screen shows no time, so nothing else differs.

use std::time::Duration;

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
    let status = vm.wait_for_end(Duration::from_secs(10))?;
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
    const MENU_LIMIT: Duration = Duration::from_secs(20);
    vm.wait_for_screen("menu of GRUB", MENU_LIMIT, |vm| {
        vm.monitor().press(&["esc"])?;
        Ok(vm.screen_text()?.contains("Tally in text mode"))
    })?;
    // On a busy machine GRUB may miss a key.
    vm.wait_for_screen("second entry of GRUB's menu", MENU_LIMIT, |vm| {
        vm.monitor().press(&["down"])?;
        Ok(vm.screen_text()?.contains("*Tally in text mode"))
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

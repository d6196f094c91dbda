//! Screen and keyboard: a machine without a serial port is driven by them alone.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Firmware, Machine};
use crate::suite::{Judge, Scenario};
use crate::vm::Vm;

const NO_SERIAL: Machine = Machine { has_serial: false, ..DEFAULT };

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "no-serial-bios",
        about: "BIOS without a serial port: keyboard in, screen out",
        judge: Judge::Drive(NO_SERIAL, keyboard_and_screen_suffice),
    },
    Scenario {
        name: "no-serial-uefi",
        about: "UEFI without a serial port",
        judge: Judge::Drive(Machine { firmware: Firmware::Uefi, ..NO_SERIAL }, keyboard_and_screen_suffice),
    },
    Scenario {
        name: "keyboard",
        about: "what the PS/2 keyboard types is seen on the serial port",
        judge: Judge::Drive(DEFAULT, keyboard_reaches_shell),
    },
];

fn keyboard_reaches_shell(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.press_line("echo Key-1; pwd")?;
    let answer = vm.wait_for_prompt("prompt after a line from the keyboard", Duration::from_secs(20))?;
    ensure!(answer == "Key-1\n/", "typed `echo Key-1; pwd`, got `{answer}`");
    Ok(())
}

fn keyboard_and_screen_suffice(vm: &mut Vm) -> Result<()> {
    let at_prompt = wait_for_still_screen(vm)?;
    vm.monitor().press(&["x"])?;
    let after_key = wait_for_still_screen(vm)?;
    ensure!(after_key != at_prompt, "a key leaves no mark on the screen");
    vm.monitor().press(&["backspace"])?;
    let after_backspace = wait_for_still_screen(vm)?;
    ensure!(after_backspace == at_prompt, "backspace does not restore the screen");
    vm.press_line("poweroff")?;
    let status = vm.wait_for_end(Duration::from_secs(10))?;
    ensure!(status.success(), "after poweroff QEMU ended with {status}");
    Ok(())
}

/// Waits until the screen has stayed as it is for a while, which it does at the prompt only: GRUB and the
/// kernel keep writing until then.
fn wait_for_still_screen(vm: &mut Vm) -> Result<Vec<u8>> {
    const STILL: Duration = Duration::from_secs(3);
    const LIMIT: Duration = Duration::from_secs(90);
    let start = Instant::now();
    let mut last = vm.screen()?;
    let mut since = Instant::now();
    while since.elapsed() < STILL {
        if start.elapsed() > LIMIT {
            return Err(Error::Timeout { awaited: "screen that holds still".into(), limit: LIMIT });
        }
        thread::sleep(Duration::from_millis(250));
        let now = vm.screen()?;
        if now != last {
            last = now;
            since = Instant::now();
        }
    }
    Ok(last)
}

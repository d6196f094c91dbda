//! The machine for a person: the serial port on this terminal, and the screen in a window if there is a desktop.

use std::io::{self, IsTerminal, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::machine::{Machine, OnReset};
use crate::settings::{Settings, Wishes, variable};
use crate::vm::{Audience, NOBODY, Vm, data_line};

/// Where the guest's second serial line goes: what `export /dev/ttyS1` writes.
const EXPORT_LOG: &str = "export.log";

/// Boots to the shell; `options` are handed on to QEMU. The exit code is QEMU's.
pub(crate) fn run(settings: &Settings, options: &[&str]) -> Result<ExitCode> {
    let wishes = Wishes::from_environment();
    let machine = Machine { on_reset: OnReset::Reboot, ..wishes.machine()? };
    let display = choose_display();
    let data_line = data_line(&settings.build.join(EXPORT_LOG));
    if io::stdin().is_terminal() {
        // QEMU itself knows best how to treat a terminal, so it takes our place.
        eprintln!("Tally in QEMU. Leave it by `poweroff`, or by Ctrl-A and then X.");
        let mut command = Command::new("qemu-system-x86_64");
        command.args(machine.options(settings)?).args(["-display", &display, "-serial", "mon:stdio"]);
        return Err(Error::host("starting QEMU")(command.args(data_line).args(options).exec()));
    }
    let options: Vec<&str> = data_line.iter().map(String::as_str).chain(options.iter().copied()).collect();
    let audience = Audience { shows_serial: true, display: &display, options: &options };
    let mut vm = Vm::start(settings, &machine, "run", audience)?;
    type_standard_input(&mut vm, display == "none")
}

/// Types what comes on standard input. At its end a machine that nobody can see is switched off.
///
/// A program that writes is faster than a guest that boots, so typing begins at the first prompt, and continues
/// after each line when its command is done.
fn type_standard_input(vm: &mut Vm, ends_with_input: bool) -> Result<ExitCode> {
    /// A command that waits for more input brings no prompt.
    const LINE_LIMIT: Duration = Duration::from_secs(30);
    vm.wait_for_boot()?;
    let mut chunk = [0; 4096];
    loop {
        let count = io::stdin().read(&mut chunk).map_err(Error::host("reading standard input"))?;
        if count == 0 {
            break;
        }
        for line in chunk.get(..count).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            vm.type_bytes(line)?;
            if line.ends_with(b"\n") {
                match vm.wait_for_prompt("prompt", LINE_LIMIT) {
                    Ok(_) | Err(Error::Timeout { .. }) => {}
                    Err(Error::Ended { .. }) => return exit_code(vm),
                    Err(error) => return Err(error),
                }
            }
        }
    }
    if ends_with_input {
        vm.monitor().quit();
    }
    exit_code(vm)
}

fn exit_code(vm: &mut Vm) -> Result<ExitCode> {
    let code = vm.wait()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Boots, types the lines at the shell, and writes a picture of the screen.
pub(crate) fn take_screenshot(settings: &Settings, file: &str, lines: &[&str]) -> Result<ExitCode> {
    let wishes = Wishes::from_environment();
    let mut vm = Vm::start(settings, &wishes.machine()?, "screenshot", NOBODY)?;
    vm.wait_for_boot()?;
    for line in lines {
        vm.run(line)?;
    }
    vm.still_screen()?;
    vm.monitor().dump_screen(Path::new(file))?;
    Ok(ExitCode::SUCCESS)
}

/// A window if there is a desktop and QEMU can draw on it; SCREEN overrides.
fn choose_display() -> String {
    if let Some(wish) = variable("SCREEN") {
        return wish;
    }
    if variable("DISPLAY").is_none() && variable("WAYLAND_DISPLAY").is_none() {
        return "none".into();
    }
    let known = Command::new("qemu-system-x86_64").args(["-display", "help"]).output();
    let known = known.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let has_window = |kind: &&str| known.lines().any(|line| line == *kind);
    ["gtk", "sdl"].into_iter().find(has_window).map_or_else(
        || {
            eprintln!("runner: QEMU has no window to show the screen in (Debian: install qemu-system-gui)");
            "none".into()
        },
        str::to_owned,
    )
}

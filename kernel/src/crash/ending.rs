//! What follows a report: `panic=halt|reboot|poweroff|exit`.

use core::sync::atomic::{AtomicU8, Ordering};

use crate::arch::{clock, cpu, power};
use crate::console::write_emergency;
use config::OnPanic;

/// Time to read the report before the machine restarts.
const READING_SECONDS: u64 = 5;
/// The value for QEMU's exit device; QEMU then exits with the status 85.
const EXIT_VALUE: u32 = 42;

static ENDING: AtomicU8 = AtomicU8::new(OnPanic::Halt as u8);

/// Chooses what happens after a report.
pub(crate) fn set_ending(ending: OnPanic) {
    ENDING.store(ending as u8, Ordering::Relaxed);
}

/// Carries out `panic=`.
pub(super) fn act() -> ! {
    const REBOOT: u8 = OnPanic::Reboot as u8;
    const POWER_OFF: u8 = OnPanic::PowerOff as u8;
    const EXIT: u8 = OnPanic::Exit as u8;
    match ENDING.load(Ordering::Relaxed) {
        REBOOT => {
            write_emergency(format_args!("restarting in {READING_SECONDS} s\n"));
            clock::spin_for_ns(READING_SECONDS * 1_000_000_000);
            power::reboot();
        }
        POWER_OFF => {
            write_emergency(format_args!("powering off\n"));
            power_off();
        }
        EXIT => power::exit_emulator(EXIT_VALUE),
        _ => {}
    }
    stop();
}

/// Stops the CPU, after a line that says how to restart the machine.
pub(crate) fn stop() -> ! {
    write_emergency(format_args!(
        "stopped; reset the machine to start it again (panic=reboot does so by itself)\n"
    ));
    cpu::halt_forever();
}

/// Powers the machine off. If that fails, reports it and stops the CPU.
pub(crate) fn power_off() -> ! {
    power::power_off();
    write_emergency(format_args!("power off failed; switch the machine off by hand\n"));
    cpu::halt_forever();
}

//! Powering off and restarting.

use x86::io::{inb, inw, outb, outl, outw};

use super::{acpi, cpu};

/// The power management control register of QEMU's machines, used if the ACPI tables cannot be read.
const QEMU_CONTROL_PORTS: [u16; 2] = [0x604, 0xb004];
const SLEEP_ENABLE: u16 = 1 << 13;
const SLEEP_TYPE_SHIFT: u16 = 10;
const SLEEP_TYPE_MASK: u16 = 0b111 << SLEEP_TYPE_SHIFT;

const KEYBOARD_COMMAND: u16 = 0x64;
const KEYBOARD_BUSY: u8 = 1 << 1;
const KEYBOARD_PULSE_RESET: u8 = 0xfe;

/// QEMU's `-device isa-debug-exit,iobase=0xf4`.
const DEBUG_EXIT: u16 = 0xf4;

/// Powers the machine off: ACPI state S5. Returns, with interrupts masked, if that fails.
pub(crate) fn power_off() {
    cpu::mask_interrupts();
    if let Some(exits) = acpi::exits() {
        for (port, sleep_type) in exits.control_ports.into_iter().zip(exits.sleep_types) {
            if port != 0 {
                sleep(port, sleep_type);
            }
        }
    }
    for port in QEMU_CONTROL_PORTS {
        sleep(port, 0);
    }
}

fn sleep(port: u16, sleep_type: u8) {
    // SAFETY: the power management control register; the other bits are kept.
    unsafe {
        let kept = inw(port) & !SLEEP_TYPE_MASK;
        outw(port, kept | u16::from(sleep_type) << SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK | SLEEP_ENABLE);
    }
    pause();
}

/// Restarts the machine: by ACPI's reset register, the keyboard controller, or a triple fault.
pub(crate) fn reboot() -> ! {
    cpu::mask_interrupts();
    if let Some((port, value)) = acpi::exits().and_then(|exits| exits.reset) {
        // SAFETY: the reset register of the ACPI tables restarts the machine.
        unsafe { outb(port, value) };
        pause();
    }
    // SAFETY: the keyboard controller's command port; its pulse on the reset line restarts the machine.
    unsafe {
        let _ = (0..100_000).any(|_| inb(KEYBOARD_COMMAND) & KEYBOARD_BUSY == 0);
        outb(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
    }
    pause();
    // SAFETY: an empty interrupt table makes the breakpoint a triple fault, which restarts the machine.
    unsafe {
        let none = x86::dtables::DescriptorTablePointer::<u64>::default();
        x86::dtables::lidt(&none);
        core::arch::asm!("int3", options(noreturn));
    }
}

/// Ends QEMU with the status `2 * value + 1`, if it has its device for that at the port it usually gets; returns if
/// not.
///
/// Source: QEMU, `hw/misc/debugexit.c`.
pub(crate) fn exit_emulator(value: u32) {
    // SAFETY: without the device the write has no effect.
    unsafe { outl(DEBUG_EXIT, value) };
    pause();
}

/// Gives the machine time to act.
fn pause() {
    for _ in 0..1_000_000 {
        core::hint::spin_loop();
    }
}

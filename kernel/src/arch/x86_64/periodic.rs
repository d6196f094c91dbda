//! The periodic interrupt of the clock chip, for a driver of `bugs` that needs frequent interrupts.
//!
//! Source: Motorola MC146818 data sheet.

use x86::io::outb;

use super::rtc::{DATA, INDEX, REGISTER_A, REGISTER_B, read};
use super::{cpu, idt};

const REGISTER_C: u8 = 0x0c;
/// In register B: interrupt periodically.
const PERIODIC: u8 = 1 << 6;
/// In register A: the rate, 32,768 Hz shifted right by this less 1.
const RATE: u8 = 0b1111;
const RATE_64_HZ: u8 = 10;
const LINE: u8 = 8;

fn write(register: u8, value: u8) {
    // SAFETY: as for `read`; no register that is written here stops the clock or is kept without power.
    unsafe {
        outb(INDEX, register);
        outb(DATA, value);
    }
}

/// Runs `handler` in an interrupt 64 times a second, for `name`, until [`stop`].
pub(crate) fn start(name: &'static str, handler: fn()) {
    idt::handle_line(LINE, name, handler);
    let were_enabled = cpu::mask_interrupts();
    write(REGISTER_A, read(REGISTER_A) & !RATE | RATE_64_HZ);
    write(REGISTER_B, read(REGISTER_B) | PERIODIC);
    acknowledge();
    cpu::restore_interrupts(were_enabled);
}

/// Lets the next periodic interrupt come: to be called by the handler of each.
pub(crate) fn acknowledge() {
    read(REGISTER_C);
}

/// Ends the periodic interrupt.
pub(crate) fn stop() {
    let were_enabled = cpu::mask_interrupts();
    write(REGISTER_B, read(REGISTER_B) & !PERIODIC);
    acknowledge();
    cpu::restore_interrupts(were_enabled);
}

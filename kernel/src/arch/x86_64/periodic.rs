//! The periodic interrupt of the real-time clock, for a driver in `bugs` that needs frequent interrupts.
//!
//! Source: Motorola MC146818 data sheet.

use x86::io::outb;

use super::rtc::{DATA, INDEX, REGISTER_A, REGISTER_B, read};
use super::{cpu, idt};

const REGISTER_C: u8 = 0x0c;
/// Bit of register B: periodic interrupts.
const PERIODIC: u8 = 1 << 6;
/// Rate bits of register A: 32,768 Hz shifted right by this number less 1.
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

/// Acknowledges a periodic interrupt, so that the next one can occur. Called by the handler.
pub(crate) fn acknowledge() {
    read(REGISTER_C);
}

/// Stops the periodic interrupt.
pub(crate) fn stop() {
    let were_enabled = cpu::mask_interrupts();
    write(REGISTER_B, read(REGISTER_B) & !PERIODIC);
    acknowledge();
    cpu::restore_interrupts(were_enabled);
}

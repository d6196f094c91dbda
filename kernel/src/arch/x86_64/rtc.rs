//! The PC's clock chip, which knows date and time while the machine is off.
//!
//! It is read once, at boot; from then on the time stamp counter goes on. Who asks for it gets its periodic interrupt.
//! Source: Motorola MC146818 data sheet.
//! The century stands where PCs keep it, in register 0x32 of the same memory.

use core::sync::atomic::{AtomicU64, Ordering};

use calendar::ClockRegisters;
use x86::io::{inb, outb};

use super::{clock, cpu, idt};

const INDEX: u16 = 0x70;
const DATA: u16 = 0x71;
const REGISTER_A: u8 = 0x0a;
const REGISTER_B: u8 = 0x0b;
const REGISTER_C: u8 = 0x0c;
/// In register B: interrupt periodically.
const PERIODIC: u8 = 1 << 6;
/// In register A: the rate, 32,768 Hz shifted right by this less 1.
const RATE: u8 = 0b1111;
const RATE_64_HZ: u8 = 10;
const LINE: u8 = 8;
const UPDATE_IN_PROGRESS: u8 = 1 << 7;
/// Seconds, minutes, hours, day of the month, month, year, century.
const FIELDS: [u8; 7] = [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x32];
/// How often the chip is looked at before it is taken for dead. An update takes 2 ms at most, a look 1 us.
const MOST_LOOKS: u32 = 100_000;
const MOST_TRIES: u32 = 10;

/// When the kernel was entered, in seconds since 1970; 0 if that is not known.
static BOOT_SECONDS: AtomicU64 = AtomicU64::new(0);

fn read(register: u8) -> u8 {
    // SAFETY: the chip's ports, which only this file touches; bit 7 of the index stays clear, so NMIs stay on.
    unsafe {
        outb(INDEX, register);
        inb(DATA)
    }
}

fn write(register: u8, value: u8) {
    // SAFETY: as for `read`; no register that is written here stops the clock or is kept without power.
    unsafe {
        outb(INDEX, register);
        outb(DATA, value);
    }
}

/// Runs `handler` in an interrupt 64 times a second, for `name`, until [`stop_periodic`].
pub(crate) fn start_periodic(name: &'static str, handler: fn()) {
    idt::handle_line(LINE, name, handler);
    let were_enabled = cpu::mask_interrupts();
    write(REGISTER_A, read(REGISTER_A) & !RATE | RATE_64_HZ);
    write(REGISTER_B, read(REGISTER_B) | PERIODIC);
    acknowledge_periodic();
    cpu::restore_interrupts(were_enabled);
}

/// Lets the next periodic interrupt come: to be called by the handler of each.
pub(crate) fn acknowledge_periodic() {
    read(REGISTER_C);
}

/// Ends the periodic interrupt.
pub(crate) fn stop_periodic() {
    let were_enabled = cpu::mask_interrupts();
    write(REGISTER_B, read(REGISTER_B) & !PERIODIC);
    acknowledge_periodic();
    cpu::restore_interrupts(were_enabled);
}

/// Reads date and time.
pub(crate) fn init() {
    let Some(registers) = read_registers() else {
        return log::warn!("rtc: no valid time: the chip never rests; dates count from 1970");
    };
    match registers.unix_seconds() {
        Ok(now) => {
            let uptime_s = clock::uptime_ns() / 1_000_000_000;
            BOOT_SECONDS.store(now.saturating_sub(uptime_s), Ordering::Relaxed);
        }
        Err(error) => log::warn!("rtc: no valid time: {error}; dates count from 1970"),
    }
}

/// The registers between two updates: read twice, as an update may come between. `None` if the chip never rests.
fn read_registers() -> Option<ClockRegisters> {
    let read_once = || {
        (0..MOST_LOOKS)
            .any(|_| read(REGISTER_A) & UPDATE_IN_PROGRESS == 0)
            .then(|| ClockRegisters { fields: FIELDS.map(read), coding: read(REGISTER_B) })
    };
    let mut last = read_once()?;
    for _ in 0..MOST_TRIES {
        let next = read_once()?;
        if next == last {
            return Some(last);
        }
        last = next;
    }
    None
}

/// When the kernel was entered, in seconds since 1970; 0 if that is not known.
pub(crate) fn boot_seconds() -> u64 {
    BOOT_SECONDS.load(Ordering::Relaxed)
}

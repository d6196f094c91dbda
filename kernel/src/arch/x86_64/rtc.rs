//! The PC's real-time clock, which keeps date and time while the machine is off.
//!
//! It is read once, at boot; after that the time stamp counter is used, whose rate is checked against the clock's seconds.
//! Source: Motorola MC146818 data sheet.
//! PCs have the century in register 0x32 of the same memory.

use core::sync::atomic::{AtomicU64, Ordering};

use calendar::ClockRegisters;
use x86::io::{inb, outb};

use super::{clock, cpu};

pub(super) const INDEX: u16 = 0x70;
pub(super) const DATA: u16 = 0x71;
pub(super) const REGISTER_A: u8 = 0x0a;
pub(super) const REGISTER_B: u8 = 0x0b;
const UPDATE_IN_PROGRESS: u8 = 1 << 7;
/// Seconds, minutes, hours, day of the month, month, year, century.
const FIELDS: [u8; 7] = [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x32];
/// Number of polls after which the clock counts as missing. An update takes at most 2 ms, a poll 1 us.
const MAX_POLLS: u32 = 100_000;
const MAX_TRIES: u32 = 10;

/// The current second, 0 to 59; `None` during an update, or if it is invalid. For interrupt handlers: it does not wait, and
/// nobody else uses the clock while interrupts are masked.
pub(super) fn second() -> Option<u8> {
    let is_updating = read(REGISTER_A) & UPDATE_IN_PROGRESS != 0;
    let (value, coding) = (read(FIELDS[0]), read(REGISTER_B));
    calendar::second_of(value, coding).filter(|_| !is_updating)
}

/// When the kernel was entered, in seconds since 1970; 0 if unknown.
static BOOT_SECONDS: AtomicU64 = AtomicU64::new(0);

pub(super) fn read(register: u8) -> u8 {
    // The timer's interrupt reads a register as well, and must not come between the two steps.
    let were_enabled = cpu::mask_interrupts();
    // SAFETY: the chip's ports, which only this file touches; bit 7 of the index stays clear, so NMIs stay on.
    let value = unsafe {
        outb(INDEX, register);
        inb(DATA)
    };
    cpu::restore_interrupts(were_enabled);
    value
}

/// Reads date and time.
pub(crate) fn init() {
    let Some(registers) = read_registers() else {
        return log::warn!("rtc: no valid time: it never stops updating; dates count from 1970");
    };
    match registers.unix_seconds() {
        Ok(now) => {
            let uptime_s = clock::uptime_ns() / 1_000_000_000;
            BOOT_SECONDS.store(now.saturating_sub(uptime_s), Ordering::Relaxed);
        }
        Err(error) => log::warn!("rtc: no valid time: {error}; dates count from 1970"),
    }
}

/// The registers, read twice until both readings agree, as an update may happen during one. `None` if they never do.
fn read_registers() -> Option<ClockRegisters> {
    let read_once = || {
        (0..MAX_POLLS)
            .any(|_| read(REGISTER_A) & UPDATE_IN_PROGRESS == 0)
            .then(|| ClockRegisters { fields: FIELDS.map(read), coding: read(REGISTER_B) })
    };
    let mut last = read_once()?;
    for _ in 0..MAX_TRIES {
        let next = read_once()?;
        if next == last {
            return Some(last);
        }
        last = next;
    }
    None
}

/// When the kernel was entered, in seconds since 1970; 0 if unknown.
pub(crate) fn boot_seconds() -> u64 {
    BOOT_SECONDS.load(Ordering::Relaxed)
}

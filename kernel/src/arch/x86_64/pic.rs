//! The two interrupt controllers (PICs) of the PC, remapped to vectors 32 to 47.
//!
//! Source: Intel 8259A data sheet; the second controller is connected to line 2 of the first.

use x86::io::{inb, outb};

/// Interrupt lines of both controllers.
pub(crate) const LINES: usize = 16;
/// The vector of line 0.
pub(super) const FIRST_VECTOR: u8 = 32;

const FIRST_COMMAND: u16 = 0x20;
const FIRST_DATA: u16 = 0x21;
const SECOND_COMMAND: u16 = 0xa0;
const SECOND_DATA: u16 = 0xa1;

const INITIALISE: u8 = 0x11;
const MODE_8086: u8 = 0x01;
/// The line to which the second controller is connected: no device uses it.
pub(crate) const CASCADE_LINE: u8 = 2;
const END_OF_INTERRUPT: u8 = 0x20;
const READ_IN_SERVICE: u8 = 0x0b;

fn write(port: u16, value: u8) {
    // SAFETY: the controllers' ports, which only this file touches.
    unsafe { outb(port, value) };
}

fn read(port: u16) -> u8 {
    // SAFETY: as for `write`.
    unsafe { inb(port) }
}

/// Sets both controllers up with every line masked.
pub(crate) fn init() {
    for (command, data, vector, wiring) in [
        (FIRST_COMMAND, FIRST_DATA, FIRST_VECTOR, 1 << CASCADE_LINE),
        (SECOND_COMMAND, SECOND_DATA, FIRST_VECTOR + 8, CASCADE_LINE),
    ] {
        write(command, INITIALISE);
        write(data, vector);
        write(data, wiring);
        write(data, MODE_8086);
        write(data, 0xff);
    }
    unmask(CASCADE_LINE);
}

/// Unmasks `line`.
pub(crate) fn unmask(line: u8) {
    let (port, bit) = if line < 8 { (FIRST_DATA, line) } else { (SECOND_DATA, line - 8) };
    write(port, read(port) & !(1 << bit));
}

/// The line of a vector.
pub(crate) fn line_of(vector: u8) -> Option<u8> {
    vector.checked_sub(FIRST_VECTOR).filter(|line| usize::from(*line) < LINES)
}

/// Whether an interrupt on `line` is spurious: if a request disappears, the controllers signal line 7 or 15.
pub(crate) fn is_spurious(line: u8) -> bool {
    let command = match line {
        7 => FIRST_COMMAND,
        15 => SECOND_COMMAND,
        _ => return false,
    };
    write(command, READ_IN_SERVICE);
    let is_in_service = read(command) & 0x80 != 0;
    if line == 15 && !is_in_service {
        // To the first controller, the request of the second one was real, so it needs an end of interrupt.
        write(FIRST_COMMAND, END_OF_INTERRUPT);
    }
    !is_in_service
}

/// Signals the end of the interrupt on `line` to the controllers.
pub(crate) fn end_of_interrupt(line: u8) {
    if line >= 8 {
        write(SECOND_COMMAND, END_OF_INTERRUPT);
    }
    write(FIRST_COMMAND, END_OF_INTERRUPT);
}

//! The VGA's text mode: characters and attributes in memory, the cursor in two registers.
//!
//! Source: IBM VGA technical reference, CRT controller registers.

use core::ptr::NonNull;

use x86::io::outb;

use terminal::{Cell, Display, Unusable};

use super::{PAddr, devices};

const INDEX: u16 = 0x3d4;
const DATA: u16 = 0x3d5;
const CURSOR_START: u8 = 0x0a;
const CURSOR_END: u8 = 0x0b;
/// First and last scan line of the cursor, at the bottom of a character.
const CURSOR_LINES: (u8, u8) = (13, 15);
const CURSOR_HIGH: u8 = 0x0e;
const CURSOR_LOW: u8 = 0x0f;

/// Characters and attributes at 0xb8000. Copies are handles to the same display.
#[derive(Clone, Copy)]
pub(crate) struct VgaText {
    start: NonNull<u16>,
    columns: usize,
    rows: usize,
}

// SAFETY: the memory is the display's, mapped for good, and only written, each character at once: users that
// overlap leave wrong characters at worst.
unsafe impl Send for VgaText {}
// SAFETY: as for `Send`.
unsafe impl Sync for VgaText {}

fn write_register(register: u8, value: u8) {
    // SAFETY: the CRT controller's ports; this file uses its cursor registers only, which move nothing but
    // the cursor.
    unsafe {
        outb(INDEX, register);
        outb(DATA, value);
    }
}

impl VgaText {
    /// Maps the display and clears it.
    pub(crate) fn new(address: PAddr, columns: usize, rows: usize) -> Result<Self, Unusable> {
        if !address.0.is_multiple_of(2) {
            return Err(Unusable::BadAddress);
        }
        let start = devices::map(address, columns * rows * 2).ok_or(Unusable::NoMemory)?;
        let mut display = Self { start: start.cast(), columns, rows };
        for row in 0..rows {
            for column in 0..columns {
                display.draw(row, column, Cell::BLANK, false);
            }
        }
        write_register(CURSOR_START, CURSOR_LINES.0);
        write_register(CURSOR_END, CURSOR_LINES.1);
        Ok(display)
    }
}

impl Display for VgaText {
    fn columns(&self) -> usize {
        self.columns
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn draw(&mut self, row: usize, column: usize, cell: Cell, is_cursor: bool) {
        if row >= self.rows || column >= self.columns {
            return;
        }
        let place = row * self.columns + column;
        // In the terminal's colours red is bit 0, in the VGA's it is blue.
        let swap = |colour: u8| (colour & 0b1010) | (colour & 1) << 2 | (colour >> 2 & 1);
        let attribute = swap(cell.colours & 15) | swap(cell.colours >> 4) << 4;
        let value = u16::from(cell.character) | u16::from(attribute) << 8;
        // SAFETY: `place` lies inside the mapped display.
        unsafe { self.start.add(place).write_volatile(value) };
        if is_cursor {
            write_register(CURSOR_HIGH, (place >> 8) as u8);
            write_register(CURSOR_LOW, place as u8);
        }
    }
}

//! The VGA's text mode.

use core::ptr::NonNull;

use x86::io::outb;

use crate::console::screen::{Cell, Display};

const INDEX: u16 = 0x3d4;
const DATA: u16 = 0x3d5;
const CURSOR_HIGH: u8 = 0x0e;
const CURSOR_LOW: u8 = 0x0f;

/// Characters and attributes at 0xb8000.
pub(crate) struct VgaText {
    start: NonNull<u16>,
    columns: usize,
    rows: usize,
}

// SAFETY: the memory is the display's; whoever has this value is its only user.
unsafe impl Send for VgaText {}

impl VgaText {
    /// Maps the display and clears it.
    pub(crate) fn new(address: u64, columns: usize, rows: usize) -> Option<Self> {
        let start = crate::memory::map_device(address, columns * rows * 2)?;
        let mut display = Self { start: start.cast(), columns, rows };
        for row in 0..rows {
            for column in 0..columns {
                display.draw(row, column, Cell { character: b' ', colours: 7 }, false);
            }
        }
        Some(display)
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
        // The terminal counts colours red first, the VGA blue first.
        let swap = |colour: u8| (colour & 0b1010) | (colour & 1) << 2 | (colour >> 2 & 1);
        let attribute = swap(cell.colours & 15) | swap(cell.colours >> 4) << 4;
        let value = u16::from(cell.character) | u16::from(attribute) << 8;
        // SAFETY: `place` lies inside the mapped display; the ports are the VGA's cursor registers.
        unsafe {
            self.start.add(place).write_volatile(value);
            if is_cursor {
                for (register, value) in [(CURSOR_HIGH, place >> 8), (CURSOR_LOW, place)] {
                    outb(INDEX, register);
                    outb(DATA, value as u8);
                }
            }
        }
    }
}

//! The console's output on this machine.

use core::fmt::{self, Write};

use boot::Framebuffer;

use super::screen::{Cell, Display, Screen};
use crate::arch::{clock, framebuffer, serial, vga_text};
use crate::sync::IrqLock;

/// The screen is drawn at most this often while output goes on, and always when the kernel waits.
const REDRAW_INTERVAL_NS: u64 = 30_000_000;

/// Whatever display the machine has.
enum AnyDisplay {
    Text(vga_text::VgaText),
    Pixels(framebuffer::Pixels),
}

impl Display for AnyDisplay {
    fn columns(&self) -> usize {
        match self {
            Self::Text(display) => display.columns(),
            Self::Pixels(display) => display.columns(),
        }
    }

    fn rows(&self) -> usize {
        match self {
            Self::Text(display) => display.rows(),
            Self::Pixels(display) => display.rows(),
        }
    }

    fn draw(&mut self, row: usize, column: usize, cell: Cell, is_cursor: bool) {
        match self {
            Self::Text(display) => display.draw(row, column, cell, is_cursor),
            Self::Pixels(display) => display.draw(row, column, cell, is_cursor),
        }
    }
}

struct Console {
    screen: Screen<AnyDisplay>,
    drawn_ns: u64,
}

static CONSOLE: IrqLock<Console> = IrqLock::new(Console { screen: Screen::new(), drawn_ns: 0 });

/// Starts the screen, if the loader set one up.
pub(crate) fn init(framebuffer: Option<Framebuffer>) {
    let display = match framebuffer {
        Some(Framebuffer::Text { address, columns, rows }) => {
            vga_text::VgaText::new(address, columns as usize, rows as usize).map(AnyDisplay::Text)
        }
        Some(pixels) => framebuffer::Pixels::new(pixels).map(AnyDisplay::Pixels),
        None => None,
    };
    if let Some(display) = display {
        CONSOLE.lock().screen.attach(display);
    }
}

/// Writes bytes; control sequences act on the screen.
pub(crate) fn write_bytes(bytes: &[u8]) {
    serial::write(bytes);
    let mut console = CONSOLE.lock();
    console.screen.write(bytes);
    let now_ns = clock::uptime_ns();
    if now_ns.saturating_sub(console.drawn_ns) >= REDRAW_INTERVAL_NS {
        console.drawn_ns = now_ns;
        console.screen.flush();
    }
}

/// Draws what is not drawn yet.
pub(crate) fn flush() {
    let mut console = CONSOLE.lock();
    console.screen.flush();
    console.drawn_ns = clock::uptime_ns();
}

struct Writer;

impl Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_bytes(text.as_bytes());
        Ok(())
    }
}

/// Writes formatted text.
pub(crate) fn write(text: fmt::Arguments<'_>) {
    // The writer cannot fail.
    let _ = Writer.write_fmt(text);
}

/// A writer for the last words: takes no lock that the interrupted code may hold.
pub(crate) struct Emergency;

impl Write for Emergency {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write_emergency(text.as_bytes());
        if let Some(mut console) = CONSOLE.try_lock() {
            console.screen.write(text.as_bytes());
            console.screen.flush();
        }
        Ok(())
    }
}

/// Writes formatted text when nothing can be relied on any more: from exceptions and panics.
pub(crate) fn write_emergency(text: fmt::Arguments<'_>) {
    let _ = Emergency.write_fmt(text);
}

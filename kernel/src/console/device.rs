//! The console's output on this machine.

use core::fmt::{self, Write};

use boot::Framebuffer;
use journal::Entry;
use spin::mutex::{SpinMutex, SpinMutexGuard};
use terminal::{BackwardWrap, Cell, Cells, Display, Lines, SIZE_QUESTION, Screen, SizeAnswer, Unusable};

use super::emergency;
use crate::arch::{clock, framebuffer, serial, vga_text};
use crate::sync::IrqLock;

/// Minimum interval between two drawings of the screen during output. It is also drawn whenever the kernel waits.
const REDRAW_INTERVAL_NS: u64 = 30_000_000;

/// The display that the machine has.
#[derive(Clone, Copy)]
pub(super) enum AnyDisplay {
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

/// The state of both devices, behind one lock, which also keeps the order of lines the same on both.
pub(super) struct Console {
    screen: Option<Screen<'static, AnyDisplay>>,
    drawn_ns: u64,
    /// The serial terminal, from [`init`] on.
    terminal: Option<BackwardWrap>,
    size_answer: SizeAnswer,
}

static CELLS: SpinMutex<Cells> = SpinMutex::new(Cells::new());
pub(super) static CONSOLE: IrqLock<Console> =
    IrqLock::new(Console { screen: None, drawn_ns: 0, terminal: None, size_answer: SizeAnswer::NotAsked });

/// Passes earlier messages to a function.
type Replay = fn(&mut dyn FnMut(&Entry));

/// Starts the screen, if the loader set one up, and shows earlier messages on it.
pub(crate) fn init(framebuffer: Option<Framebuffer>, messages: Replay) {
    CONSOLE.lock().terminal = Some(BackwardWrap::new());
    let Some(framebuffer) = framebuffer else { return };
    let (columns, rows) = match start_screen(framebuffer) {
        Ok(size) => size,
        Err(cause) => {
            log::warn!("screen: cannot be used: {cause}");
            return;
        }
    };
    messages(&mut |entry| {
        let mut lines = Lines::new(|bytes| CONSOLE.lock().show(bytes));
        // The writer cannot fail.
        let _ = entry.write_coloured(&mut lines);
        let _ = lines.write_str("\n");
    });
    flush();
    log::debug!("screen: {columns} by {rows} characters on {framebuffer:?}");
}

/// Makes the display and its terminal; returns its columns and rows.
fn start_screen(framebuffer: Framebuffer) -> Result<(usize, usize), Unusable> {
    let display = match framebuffer {
        Framebuffer::Text { address, columns, rows } => {
            AnyDisplay::Text(vga_text::VgaText::new(address, columns as usize, rows as usize)?)
        }
        Framebuffer::Rgb { .. } => AnyDisplay::Pixels(framebuffer::Pixels::new(framebuffer)?),
    };
    // The cells are lent to the first screen for ever.
    let cells = CELLS.try_lock().map(SpinMutexGuard::leak).ok_or(Unusable::Taken)?;
    let screen = Screen::new(display, cells)?;
    emergency::set_display(display);
    CONSOLE.lock().screen = Some(screen);
    Ok((display.columns(), display.rows()))
}

impl Console {
    /// Writes bytes to the screen alone.
    pub(super) fn show(&mut self, bytes: &[u8]) {
        if let Some(screen) = &mut self.screen {
            screen.write(bytes);
        }
    }

    /// Writes bytes to the serial line alone.
    fn send(&mut self, bytes: &[u8]) {
        match &mut self.terminal {
            Some(terminal) => terminal.write(bytes, &mut serial::write),
            None => serial::write(bytes),
        }
    }

    /// Moves the cursors to where the next character goes.
    fn settle(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.settle();
        }
        if let Some(terminal) = &mut self.terminal {
            terminal.settle(&mut serial::write);
        }
    }

    /// Draws pending changes of the screen.
    pub(super) fn draw(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.flush();
            self.drawn_ns = clock::uptime_ns();
        }
    }
}

/// Writes bytes; control sequences act on the screen. Each line stays whole.
pub(crate) fn write_bytes(bytes: &[u8]) {
    // The lock is released after each line, so that interrupts are masked no longer than one line takes.
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let mut console = CONSOLE.lock();
        console.send(line);
        console.show(line);
        if clock::uptime_ns().saturating_sub(console.drawn_ns) >= REDRAW_INTERVAL_NS {
            console.draw();
        }
    }
}

/// Draws pending changes. Called before the kernel waits.
pub(crate) fn flush() {
    CONSOLE.lock().draw();
}

/// Like [`flush`], before the kernel waits for typed bytes: the cursors are moved too.
pub(super) fn flush_for_typing() {
    let mut console = CONSOLE.lock();
    console.settle();
    console.draw();
}

/// Asks the serial terminal for its width.
pub(crate) fn ask_for_size() {
    let mut console = CONSOLE.lock();
    if console.terminal.is_some() {
        console.size_answer = SizeAnswer::Awaited;
        serial::write(SIZE_QUESTION);
    }
}

/// Checks whether a typed byte completes the terminal's answer.
pub(super) fn look_for_size(byte: u8) {
    let mut console = CONSOLE.lock();
    if let Some(columns) = console.size_answer.feed(byte)
        && let Some(terminal) = &mut console.terminal
    {
        terminal.set_columns(columns);
    }
}

/// A writer to the console, for text whose pieces need not stay together.
pub(crate) struct Writer;

impl Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_bytes(text.as_bytes());
        Ok(())
    }
}

/// Writes formatted text. No lock is held while `text` is formatted.
pub(crate) fn write(text: fmt::Arguments<'_>) {
    let mut lines = Lines::new(write_bytes);
    // The writer does not fail; a value whose formatting fails ends the text.
    let _ = lines.write_fmt(text);
    lines.finish();
}

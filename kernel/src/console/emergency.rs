//! Output of panics and exceptions, when interrupted code, which never continues, may hold any lock.
//!
//! The serial line is always written (see `serial::write_emergency`). The screen is used if its lock
//! is free. If not, the interrupted code was changing it, and its state may be inconsistent: then the text goes directly to
//! the display, from the top line on, through a second handle that shares nothing with the screen.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use spin::Once;
use terminal::{Cell, Display};

use super::device::{AnyDisplay, CONSOLE};
use crate::arch::serial;

/// White on red: this text overwrites other text.
const COLOURS: u8 = 0x1f;
const ESCAPE: u8 = 0x1b;

static DISPLAY: Once<AnyDisplay> = Once::new();
/// Where the next character goes, counted in characters from the top.
static PLACE: AtomicUsize = AtomicUsize::new(0);
/// Whether the output is inside a control sequence, which is not shown.
static IS_IN_SEQUENCE: AtomicBool = AtomicBool::new(false);

/// Registers the display.
pub(super) fn set_display(display: AnyDisplay) {
    DISPLAY.call_once(|| display);
}

/// A writer that never waits for a lock.
pub(crate) struct Emergency;

impl Write for Emergency {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write_emergency(text.as_bytes());
        match CONSOLE.try_lock() {
            Some(mut console) => {
                console.show(text.as_bytes());
                console.draw();
            }
            None => {
                if let Some(mut display) = DISPLAY.get().copied() {
                    text.bytes().for_each(|byte| show(&mut display, byte));
                }
            }
        }
        Ok(())
    }
}

/// Writes formatted text from exceptions and panics.
pub(crate) fn write_emergency(text: fmt::Arguments<'_>) {
    let _ = Emergency.write_fmt(text);
}

fn show(display: &mut AnyDisplay, byte: u8) {
    if IS_IN_SEQUENCE.load(Ordering::Relaxed) {
        IS_IN_SEQUENCE.store(!byte.is_ascii_alphabetic(), Ordering::Relaxed);
        return;
    }
    let columns = display.columns().max(1);
    let place = PLACE.load(Ordering::Relaxed) % (columns * display.rows()).max(1);
    let mut put = |place: usize, character| {
        display.draw(place / columns, place % columns, Cell { character, colours: COLOURS }, false);
    };
    let next = match byte {
        ESCAPE => {
            IS_IN_SEQUENCE.store(true, Ordering::Relaxed);
            place
        }
        b'\n' => {
            let end = (place / columns + 1) * columns;
            (place..end).for_each(|place| put(place, b' '));
            end
        }
        _ => {
            put(place, if byte.is_ascii_graphic() { byte } else { b' ' });
            place + 1
        }
    };
    PLACE.store(next, Ordering::Relaxed);
}

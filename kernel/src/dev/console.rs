//! `/dev/console`: the screen and the serial line; reading waits for a line that is typed.

use shell::{TypedEvent, TypedLine};
use spin::Mutex;
use vfs::{Device, Errno, Result};

use crate::console::wait_for_byte;
use crate::console::{self, Writer};

/// What was typed and not read yet. Only readers take it, and they do one after the other.
static TYPED: Mutex<TypedLine> = Mutex::new(TypedLine::new());

/// The device.
pub(super) struct Console;

impl Device for Console {
    fn read(&self, _: &mut u64, target: &mut [u8]) -> Result<usize> {
        let mut typed = TYPED.lock();
        if target.is_empty() || typed.has_line() {
            return Ok(typed.take(target));
        }
        loop {
            // The console takes everything.
            match typed.feed(wait_for_byte(), &mut Writer).unwrap_or(TypedEvent::None) {
                TypedEvent::None => {}
                TypedEvent::Line => return Ok(typed.take(target)),
                TypedEvent::End => return Ok(0),
                TypedEvent::Interrupt => return Err(Errno::EINTR),
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        console::write_bytes(bytes);
        Ok(bytes.len())
    }
}

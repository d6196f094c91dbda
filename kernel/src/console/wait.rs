//! Waiting for input: the CPU sleeps, and work that was registered for idle times is done.

use spin::Once;

use super::device::{ask_for_size, flush_for_typing, look_for_size};
use super::input;
use crate::arch::clock;

const CONTROL_L: u8 = 12;

static WORK: Once<fn()> = Once::new();

/// Calls `work` each time before the CPU sleeps. Only the first registration counts.
pub(crate) fn on_wait(work: fn()) {
    WORK.call_once(|| work);
}

/// The next byte that is typed; the CPU sleeps meanwhile.
pub(crate) fn wait_for_byte() -> u8 {
    loop {
        if let Some(byte) = input::pop() {
            look_for_size(byte);
            return byte;
        }
        flush_for_typing();
        if let Some(work) = WORK.get() {
            work();
        }
        clock::idle_unless(|| !input::is_empty());
    }
}

/// The same for the shell. The terminal's size is asked for again whenever the screen is cleared by Ctrl-L.
pub(crate) fn wait_for_key() -> u8 {
    let byte = wait_for_byte();
    if byte == CONTROL_L {
        ask_for_size();
    }
    byte
}

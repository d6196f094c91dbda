//! Waiting for input: work that was registered for idle times is done, then the CPU sleeps.

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

/// Waits for the next typed byte; the CPU sleeps meanwhile.
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

/// Waits until the kernel has been up for so many nanoseconds, or Ctrl-C is typed; the CPU sleeps meanwhile.
pub(crate) fn wait_until(uptime_ns: u64) {
    flush_for_typing();
    while clock::uptime_ns() < uptime_ns && !input::is_interrupted() {
        // The timer's interrupt comes many times a second.
        clock::idle_unless(input::is_interrupted);
    }
}

/// Like [`wait_for_byte`], for the shell: on Ctrl-L, which clears the screen, the terminal's size is asked for again.
pub(crate) fn wait_for_key() -> u8 {
    let byte = wait_for_byte();
    if byte == CONTROL_L {
        ask_for_size();
    }
    byte
}

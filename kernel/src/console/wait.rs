//! Waiting for input: the CPU sleeps, and work that was registered for idle times is done.

use spin::Once;

use super::{flush, input};
use crate::arch::clock;

static WORK: Once<fn()> = Once::new();

/// Calls `work` each time before the CPU sleeps. Only the first registration counts.
pub(crate) fn on_wait(work: fn()) {
    WORK.call_once(|| work);
}

/// The next byte that is typed; the CPU sleeps meanwhile.
pub(crate) fn wait_for_byte() -> u8 {
    loop {
        if let Some(byte) = input::pop() {
            return byte;
        }
        flush();
        if let Some(work) = WORK.get() {
            work();
        }
        clock::idle_unless(|| !input::is_empty());
    }
}

//! Keeps messages off the console while a self-test runs, which makes mistakes on purpose.
//!
//! They go to the ring like all others, so `dmesg` has them. If the test fails, they are shown after it; if the kernel
//! crashes during the test, they are shown before the report.

use core::fmt::{self, Write};

use journal::Muted;

use super::{CONSOLE_LEVEL, RING, try_for_last};

/// The state of muting.
pub(crate) static MUTED: Muted = Muted::new();

/// Writes the messages that were not shown, for a kernel that crashes. Waits for no lock.
pub(crate) fn write_at_end(out: &mut dyn Write) -> fmt::Result {
    let Some(first) = MUTED.take_unseen() else { return Ok(()) };
    writeln!(out, "\nmessages of the self-test that ran:")?;
    let mut outcome = Ok(());
    let Some(end) = RING.try_lock().map(|ring| ring.written()) else { return outcome };
    try_for_last(end.saturating_sub(first), |entry| {
        if outcome.is_ok() && CONSOLE_LEVEL.is_shown(entry.priority) {
            outcome = entry.write_coloured(out).and_then(|()| out.write_char('\n'));
        }
    });
    outcome
}

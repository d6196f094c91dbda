//! Messages that the console does not show while a self-test runs, which provokes errors on purpose.
//!
//! They go to the ring as all others, so `dmesg` has them. If the test fails they are shown after it; if the kernel
//! ends meanwhile, before its report.

use core::fmt::{self, Write};

use journal::ConsoleMute;

use super::{CONSOLE_LEVEL, RING, try_for_last};

/// Whether the console is mute.
pub(crate) static CONSOLE_MUTE: ConsoleMute = ConsoleMute::new();

/// Writes the messages that the console has not shown, for a kernel that ends. It waits for nobody.
pub(crate) fn write_at_end(out: &mut dyn Write) -> fmt::Result {
    let Some(first) = CONSOLE_MUTE.take_unseen() else { return Ok(()) };
    writeln!(out, "\nnot shown while a self-test ran:")?;
    let mut outcome = Ok(());
    let Some(end) = RING.try_lock().map(|ring| ring.written()) else { return outcome };
    try_for_last(end.saturating_sub(first), |entry| {
        if outcome.is_ok() && CONSOLE_LEVEL.is_shown(entry.priority) {
            outcome = entry.write_coloured(out).and_then(|()| out.write_char('\n'));
        }
    });
    outcome
}

//! Messages that are held from the console while a self-test runs, which makes mistakes on purpose.
//!
//! They go to the ring as all others, so `dmesg` has them. If the test fails they are shown after it; if the kernel ends
//! meanwhile, before its report.

use core::fmt::{self, Write};

use journal::Held;

use super::{CONSOLE_LEVEL, RING, try_for_last};

/// The messages that are held now.
pub(crate) static HELD: Held = Held::new();

/// Writes the messages that are held now, for a kernel that ends. It waits for nobody.
pub(crate) fn write_at_end(out: &mut dyn Write) -> fmt::Result {
    let Some(first) = HELD.take_unseen() else { return Ok(()) };
    writeln!(out, "\nheld back while a self-test ran:")?;
    let mut outcome = Ok(());
    let Some(end) = RING.try_lock().map(|ring| ring.written()) else { return outcome };
    try_for_last(end.saturating_sub(first), |entry| {
        if outcome.is_ok() && CONSOLE_LEVEL.shows(entry.priority) {
            outcome = entry.write_coloured(out).and_then(|()| out.write_char('\n'));
        }
    });
    outcome
}

//! Messages that are held back from the console while a self-test runs, which makes mistakes on purpose.
//!
//! They go to the ring as all others, so `dmesg` has them. If the test fails they are shown after it; if the kernel ends
//! meanwhile, before its report.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(feature = "lab")]
use journal::CAPACITY;

#[cfg(feature = "lab")]
use super::show;
use super::{CONSOLE_LEVEL, RING, try_for_last};

static IS_HOLDING: AtomicBool = AtomicBool::new(false);
/// Messages that have been held back since that began.
static HELD: AtomicUsize = AtomicUsize::new(0);
/// The number of the first message that may be one of them.
static FIRST: AtomicUsize = AtomicUsize::new(0);

/// Whether a message that would be shown is held back; then it is counted.
pub(super) fn takes_message() -> bool {
    let is_holding = IS_HOLDING.load(Ordering::Relaxed);
    if is_holding {
        HELD.fetch_add(1, Ordering::Relaxed);
    }
    is_holding
}

/// While there is one, the console shows no messages.
#[cfg(feature = "lab")]
#[must_use]
pub(crate) struct Hold(());

#[cfg(feature = "lab")]
impl Hold {
    /// From now on messages are held back.
    pub(crate) fn begin() -> Self {
        FIRST.store(RING.lock().written(), Ordering::Relaxed);
        HELD.store(0, Ordering::Relaxed);
        IS_HOLDING.store(true, Ordering::Relaxed);
        Self(())
    }

    /// Ends it, and says how many messages were held back.
    pub(crate) fn end(self) -> usize {
        drop(self);
        HELD.load(Ordering::Relaxed)
    }

    /// Ends it, and shows all that was held back, as far as the ring still has it.
    pub(crate) fn show(self) {
        drop(self);
        let (first, end) = (FIRST.load(Ordering::Relaxed), RING.lock().written());
        for number in first..end {
            let entry = RING.lock().get(number);
            if let Some(entry) = entry.filter(|entry| CONSOLE_LEVEL.shows(entry.priority)) {
                show(&entry);
            }
        }
        let lost = (end - first).saturating_sub(CAPACITY);
        if lost > 0 {
            log::warn!("the first {lost} messages of the test are lost, as newer ones took their place");
        }
    }
}

#[cfg(feature = "lab")]
impl Drop for Hold {
    fn drop(&mut self) {
        IS_HOLDING.store(false, Ordering::Relaxed);
    }
}

/// Writes what is held back at this moment, for a kernel that ends. It waits for nobody.
pub(crate) fn write_at_end(out: &mut dyn Write) -> fmt::Result {
    if !IS_HOLDING.swap(false, Ordering::Relaxed) || HELD.load(Ordering::Relaxed) == 0 {
        return Ok(());
    }
    writeln!(out, "\nheld back while a self-test ran:")?;
    let mut outcome = Ok(());
    let Some(end) = RING.try_lock().map(|ring| ring.written()) else { return outcome };
    try_for_last(end.saturating_sub(FIRST.load(Ordering::Relaxed)), |entry| {
        if outcome.is_ok() && CONSOLE_LEVEL.shows(entry.priority) {
            outcome = entry.write_coloured(out).and_then(|()| out.write_char('\n'));
        }
    });
    outcome
}

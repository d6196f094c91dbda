//! The console shows no messages while a test runs.

use journal::CAPACITY;

use crate::logger::muted::MUTED;
use crate::logger::{self, CONSOLE_LEVEL};

/// While there is one, the console shows no messages.
#[must_use]
pub(super) struct MutedConsole(());

impl MutedConsole {
    /// Shows no messages from now on.
    pub(super) fn begin() -> Self {
        MUTED.begin(logger::written());
        Self(())
    }

    /// Shows messages again, and returns how many were not shown.
    pub(super) fn end(self) -> usize {
        drop(self);
        MUTED.count()
    }

    /// Shows messages again, and first those that were not shown, as far as the ring still has them.
    pub(super) fn show(self) {
        drop(self);
        let (first, end) = (MUTED.first(), logger::written());
        logger::for_each_from(first, &mut |entry| {
            if CONSOLE_LEVEL.is_shown(entry.priority) {
                logger::show(entry);
            }
        });
        let lost = (end - first).saturating_sub(CAPACITY);
        if lost > 0 {
            log::warn!("the first {lost} messages of the test are lost, as newer ones took their place");
        }
    }
}

impl Drop for MutedConsole {
    fn drop(&mut self) {
        MUTED.end();
    }
}

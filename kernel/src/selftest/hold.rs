//! A hold on the console's messages for as long as a test runs.

use journal::CAPACITY;

use crate::logger::held::CONSOLE_MUTE;
use crate::logger::{self, CONSOLE_LEVEL};

/// While there is one, the console shows no messages.
#[must_use]
pub(super) struct Hold(());

impl Hold {
    /// From now on messages are held.
    pub(super) fn begin() -> Self {
        CONSOLE_MUTE.switch_on(logger::written());
        Self(())
    }

    /// Ends it, and says how many messages were held.
    pub(super) fn end(self) -> usize {
        drop(self);
        CONSOLE_MUTE.suppressed()
    }

    /// Ends it, and shows all that was held, as far as the ring still has it.
    pub(super) fn show(self) {
        drop(self);
        let (first, end) = (CONSOLE_MUTE.first(), logger::written());
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

impl Drop for Hold {
    fn drop(&mut self) {
        CONSOLE_MUTE.switch_off();
    }
}

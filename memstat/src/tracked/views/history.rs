//! The history of events: reading it, switching it on and off, its size.

use super::Tracked;
use crate::backend::Backend;
use crate::history::{Event, HistoryPart};
use crate::platform::Platform;

/// The last events of a tracker. From [`Tracked::history`].
#[derive(Debug)]
pub struct HistoryView<'a, B: Backend, P>(pub(super) &'a Tracked<B, P>);

impl<B: Backend, P: Platform> HistoryView<'_, B, P> {
    /// Copies events into `buffer`, from the event with the number `cursor` on (0 is the first ever written). Events of
    /// several [lanes](crate::Platform::LANES) are in the order of their sequence numbers: those of one block, and those of
    /// one lane, are in the order in which they came.
    pub fn read(&self, cursor: u64, buffer: &mut [Event]) -> HistoryPart {
        self.0.enter().read_history::<P>(cursor, buffer)
    }

    /// Events that were ever written, which is also the number of the next one.
    pub fn written(&self) -> u64 {
        self.0.enter().written_events::<P>()
    }

    /// Whether events are written now: at level [`Level::Full`](crate::Level::Full), unless [`HistoryView::set_on`] has
    /// switched them off.
    pub fn is_on(&self) -> bool {
        self.0.enter().keeps_history()
    }

    /// Sets whether events are written at level [`Level::Full`](crate::Level::Full); on at the start. The events in the
    /// history stay.
    pub fn set_on(&self, is_on: bool) {
        let mut inner = self.0.enter();
        inner.set_history(is_on, self.0.platform().stamp());
    }

    /// Sets how many events are kept, at most [`MAX_HISTORY_EVENTS`](crate::MAX_HISTORY_EVENTS), and forgets all
    /// events in the history. Each lane has memory for as many of its own, but not for more than 524,288.
    pub fn set_capacity(&self, events: usize) {
        self.0.enter().clear_history(Some(events), self.0.platform());
    }

    /// Forgets all events, and gives their memory back.
    pub fn clear(&self) {
        self.0.enter().clear_history(None, self.0.platform());
    }
}

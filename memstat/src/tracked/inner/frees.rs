//! The last frees, where no guards remember them: noted, and found again for a report.

use super::{Caller, Inner};
use crate::backend::Backend;
use crate::level::Level;
use crate::platform::Platform;
use crate::recent_frees::RecentFree;
use crate::record::{Origin, Record};

impl<B: Backend> Inner<B> {
    /// Remembers a free where there are no guards to do it.
    pub(in super::super) fn note_free_of<P: Platform>(&mut self, record: &Record, caller: &Caller<'_, P>) {
        if self.level < Level::Stacks || self.is_guarding {
            return;
        }
        self.recent_frees.note(record, &Origin::now(0, 0, caller.platform), caller.innermost(|_| false));
    }

    /// The last free of the block that started at `address`, if it is remembered.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn recent_free<P: Platform>(&self, address: usize) -> Option<&RecentFree> {
        let mut latest = self.recent_frees.find(address);
        if P::LANES == 1 {
            return latest;
        }
        for other in self.lanes.recent_frees().filter(|free| free.block().address() == address) {
            if latest.is_none_or(|latest| other.is_later_than(latest, self.sequence)) {
                latest = Some(other);
            }
        }
        latest
    }

    /// The last frees that lanes remember, from the newest on.
    pub(in super::super) fn frees_of_lanes(&self) -> impl Iterator<Item = &RecentFree> {
        let latest = self.sequence;
        let newest = move |before: Option<&RecentFree>| {
            let older = |free: &&RecentFree| before.is_none_or(|before| before.is_later_than(free, latest));
            self.lanes
                .recent_frees()
                .filter(older)
                .reduce(|first, second| if second.is_later_than(first, latest) { second } else { first })
        };
        core::iter::successors(newest(None), move |before| newest(Some(before)))
    }

    /// Remembers who moved, and so freed, the block at `address` just now.
    pub(in super::super) fn note_move_from<P: Platform>(&mut self, address: usize, caller: &Caller<'_, P>) {
        if let Some(callers) = self.recent_frees.last_callers(address) {
            // The innermost frames are the allocator's own.
            *callers = caller.innermost_outside();
        }
    }
}

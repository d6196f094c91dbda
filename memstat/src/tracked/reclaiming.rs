//! What is kept for later and can be given back, and reports of what was found, outside the lock.

use super::Tracked;
use crate::backend::Backend;
use crate::platform::Platform;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Gives back what is kept for later: blocks in quarantine, memory of sample slots without a block, what the backend
    /// keeps, spare pages of the arena.
    pub fn reclaim(&self) {
        self.flush_quarantine();
        self.give_idle_slots();
        let inner = &mut *self.enter();
        if let Some(backend) = inner.backend.as_mut() {
            backend.trim();
        }
        inner.arena.give_spare_pages(self.platform());
    }

    /// Gives all blocks in quarantine to the backend, each after a look at it.
    pub(super) fn flush_quarantine(&self) {
        loop {
            let mut inner = self.enter();
            let is_evicted = inner.evict_oldest();
            let has_findings = !inner.guards.findings.is_empty();
            drop(inner);
            if has_findings {
                self.tell_findings();
            } else if !is_evicted {
                return;
            }
        }
    }

    /// Gives the memory of all sample slots without a block back, one page at a time, so that others may come in between.
    pub(super) fn give_idle_slots(&self) {
        while self.enter().guards.pool.give_some_memory(self.platform()) {}
    }

    /// Reports what the guards found. Called without the lock.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_findings(&self) {
        loop {
            let finding = self.enter().guards.findings.pop();
            match finding {
                Some(corruption) => self.platform().on_corruption(&corruption),
                None => return,
            }
        }
    }
}

//! Freeing reserves, and reporting findings outside the lock.

use super::Tracked;
use super::inner::Inner;
use crate::backend::Backend;
use crate::platform::Platform;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Frees all reserves: blocks in quarantine, the memory of sample slots without a live block, what the backend keeps
    /// (see [`Backend::trim`]), spare pages of the arena.
    pub fn reclaim(&self) {
        self.flush_quarantine(self.caller().frame_pointer);
        self.give_idle_slots();
        let inner = &mut *self.enter();
        if let Some(backend) = inner.backend.as_mut() {
            backend.trim();
        }
        inner.arena.give_spare_pages(self.platform());
    }

    /// Makes a change before which the quarantine must be empty. It is flushed in the same critical section, as
    /// others could fill it again in between; that takes as long as the quarantine is large.
    pub(super) fn change_without_quarantine(&self, change: impl FnOnce(&mut Inner<B>)) {
        let frame_pointer = self.caller().frame_pointer;
        let mut inner = loop {
            let mut inner = self.enter();
            while inner.evict_oldest() {}
            if inner.guards.freed.quarantined_blocks() == 0 {
                break inner;
            }
            // Findings must be reported before more can be evicted.
            drop(inner);
            self.report_findings(frame_pointer);
        };
        change(&mut inner);
        drop(inner);
        self.report_findings(frame_pointer);
    }

    /// Gives all blocks in quarantine to the backend, each after a check of it; `frame_pointer` identifies the caller.
    pub(super) fn flush_quarantine(&self, frame_pointer: usize) {
        // So many and no more: others may add blocks as fast as these are evicted.
        let mut left = self.enter().guards.freed.quarantined_blocks();
        while left > 0 {
            let mut inner = self.enter();
            let is_evicted = inner.evict_oldest();
            let has_findings = !inner.guards.findings.is_empty();
            drop(inner);
            if has_findings {
                self.report_findings(frame_pointer);
            } else if !is_evicted {
                return;
            }
            left -= usize::from(is_evicted);
        }
    }

    /// Gives back the memory of all sample slots without a live block. The lock is released after each page.
    pub(super) fn give_idle_slots(&self) {
        while self.enter().guards.pool.give_some_memory(self.platform()) {}
    }

    /// Reports what the guards found, on behalf of the operation whose caller has this frame pointer. Called without the
    /// lock.
    #[cold]
    #[inline(never)]
    pub(super) fn report_findings(&self, frame_pointer: usize) {
        loop {
            let finding = self.enter().guards.findings.pop();
            match finding {
                Some(corruption) => self.platform().on_corruption(&corruption, frame_pointer),
                None => return,
            }
        }
    }
}

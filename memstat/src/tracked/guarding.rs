//! The guards of a tracker: how much is guarded, and looks at all of it.

use super::Tracked;
use super::inner::Inner;
use crate::backend::Backend;
use crate::guard::{GuardLevel, GuardStatistics};
use crate::invalid_access::{Access, InvalidAccess, Unexplained};
use crate::platform::Platform;
use crate::record::Record;

/// What a look at all guards came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Live blocks with zones, and sampled ones.
    pub live_blocks: u64,
    /// Freed blocks that are held back.
    pub held_blocks: u64,
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Guards blocks more or less from now on. Those that are live keep the guards that they have until they are
    /// freed.
    pub fn set_guard(&self, level: GuardLevel) {
        let change = |inner: &mut Inner<B>| {
            inner.guards.level = level;
            if level > GuardLevel::Off {
                inner.guards.freed.open(&mut inner.arena, self.platform());
            } else {
                inner.guards.freed.close(&mut inner.arena, self.platform());
            }
            inner.choose_steps();
        };
        if level == GuardLevel::Full {
            change(&mut self.enter());
        } else {
            self.change_without_quarantine(change);
        }
    }

    /// Changes something that no block in quarantine may be left for: it is emptied in the same critical section, or what is
    /// freed in between would stay there. That takes as long as the quarantine is large.
    pub(super) fn change_without_quarantine(&self, change: impl FnOnce(&mut Inner<B>)) {
        let frame_pointer = self.caller().frame_pointer;
        let mut inner = loop {
            let mut inner = self.enter();
            while inner.evict_oldest() {}
            if inner.guards.freed.held_blocks() == 0 {
                break inner;
            }
            // What was found has to be told before more can go.
            drop(inner);
            self.tell_findings(frame_pointer);
        };
        change(&mut inner);
        drop(inner);
        self.tell_findings(frame_pointer);
    }

    /// How much is guarded.
    pub fn guard(&self) -> GuardLevel {
        self.enter().guards.level
    }

    /// What the guards did and found.
    pub fn guard_statistics(&self) -> GuardStatistics {
        self.enter().guards.statistics()
    }

    /// Puts every allocation of the number `interval` into the pool from now on, between pages that cannot be touched;
    /// none if it is 0. False if there is no room for a pool. What is live stays where it is until it is freed.
    pub fn set_sampling(&self, interval: u32) -> bool {
        let is_open = self.enter().set_sampling(interval, self.platform());
        if interval == 0 {
            self.give_idle_slots();
        }
        self.enter().close_pool_if_done(self.platform());
        is_open
    }

    /// Gives the memory of all slots without a block back, one page at a time, so that others may come in between.
    fn give_idle_slots(&self) {
        while self.enter().guards.pool.give_some_memory(self.platform()) {}
    }

    /// How many slots the pool gets when it is opened the next time; 1 to 1024.
    pub fn set_sample_slots(&self, slots: usize) {
        self.enter().guards.pool.set_wanted_slots(slots);
    }

    /// Every allocation of this number goes into the pool; 0 if none does.
    pub fn sampling(&self) -> u32 {
        self.enter().guards.pool.interval()
    }

    /// Whether an address lies in the pool's window, be it a block or not.
    pub fn is_in_pool(&self, address: usize) -> bool {
        self.enter().guards.pool.contains(address)
    }

    /// What an access is about that could not touch `address`. It can, from now on, if it is one that the pool knows:
    /// so each is told once, until the next block comes there. Never waits for the tracker's lock.
    ///
    /// # Errors
    ///
    /// [`Unexplained`] if the pool knows of no block there, or the lock is held.
    pub fn explain_access(&self, address: usize, access: Access) -> Result<InvalidAccess, Unexplained> {
        let mut inner = self.inner.try_enter().ok_or(Unexplained::Busy)?;
        inner.explain_access(address, access, self.platform()).ok_or(Unexplained::Foreign)
    }

    /// The record of the freed block that started at `address`, while it is held back.
    pub fn held_block(&self, address: usize) -> Option<Record> {
        let inner = self.enter();
        let held = inner.guards.freed.held().find(|freed| freed.block.address() == address);
        held.map(|freed| freed.block)
    }

    /// Sets how many freed blocks, and how many bytes of them, are held back at most.
    pub fn set_held_limits(&self, blocks: usize, bytes: usize) {
        self.change_without_quarantine(|inner| inner.guards.freed.set_limits(blocks, bytes));
    }

    /// Gives all blocks that are held back to the backend, each after a look at it.
    pub fn let_all_go(&self) {
        self.flush_quarantine_for(self.caller().frame_pointer);
    }

    /// The same for a caller whose frame is known.
    pub(super) fn flush_quarantine_for(&self, frame_pointer: usize) {
        // Others may put blocks there as fast as these go.
        let mut left = self.enter().guards.freed.held_blocks();
        while left > 0 {
            let mut inner = self.enter();
            let has_gone = inner.evict_oldest();
            let has_findings = !inner.guards.findings.is_empty();
            drop(inner);
            if has_findings {
                self.tell_findings(frame_pointer);
            } else if !has_gone {
                return;
            }
            left -= usize::from(has_gone);
        }
    }

    /// Gives back what is kept in hand for later: blocks that are held back, memory of the pool's slots without a block,
    /// what the backend keeps, spare pages of the arena.
    pub fn reclaim(&self) {
        self.let_all_go();
        self.give_idle_slots();
        let inner = &mut *self.enter();
        if let Some(backend) = inner.backend.as_mut() {
            backend.trim();
        }
        inner.arena.give_spare_pages(self.platform());
    }

    /// Looks at the zones of all live blocks, and at all blocks that are held back, a few at a time. `goes_on` is
    /// asked between the steps.
    pub fn check_guards(&self, mut goes_on: impl FnMut() -> bool) -> Checked {
        let frame_pointer = self.caller().frame_pointer;
        let mut checked = Checked::default();
        let mut cursor = Some(0);
        while let Some(from) = cursor.filter(|_| goes_on()) {
            let step = self.enter().check_live(from);
            checked.live_blocks += step.blocks;
            cursor = step.next;
            self.tell_findings(frame_pointer);
        }
        let mut place = Some(0);
        while let Some(from) = place.filter(|_| goes_on()) {
            let step = self.enter().check_held(from as usize);
            checked.held_blocks += step.blocks;
            place = step.next;
            self.tell_findings(frame_pointer);
        }
        checked
    }

    /// Tells what was found, by what was called at a frame. Called without the lock.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_findings(&self, frame_pointer: usize) {
        loop {
            let finding = self.enter().guards.findings.pop();
            match finding {
                Some(corruption) => self.platform().tell(&corruption, frame_pointer),
                None => return,
            }
        }
    }
}

//! Heap checks: the level and the statistics of the guards, checks on request, and sampled blocks.

use super::Tracked;
use crate::backend::Backend;
use crate::guard::GuardStatistics;
use crate::guard_level::GuardLevel;
use crate::invalid_access::{Access, InvalidAccess, Unexplained};
use crate::platform::Platform;
use crate::record::Record;
use crate::stacks::walk::keep_frame;
use crate::tracked::inner::Inner;

/// What a check of all guards covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardCheck {
    /// Live blocks with red zones, and sampled ones.
    pub live_blocks: u64,
    /// Freed blocks in quarantine.
    pub quarantined_blocks: u64,
}

/// The guards of a tracker. From [`Tracked::guards`].
#[derive(Debug)]
pub struct GuardsView<'a, B: Backend, P>(pub(super) &'a Tracked<B, P>);

impl<B: Backend, P: Platform> GuardsView<'_, B, P> {
    /// How much is guarded.
    pub fn level(&self) -> GuardLevel {
        self.0.enter().guards.level
    }

    /// Sets how much new blocks are guarded. Live blocks keep the guards that they have until they are freed. Below
    /// [`GuardLevel::Full`] the quarantine is flushed.
    pub fn set_level(&self, level: GuardLevel) {
        let change = |inner: &mut Inner<B>| {
            inner.guards.level = level;
            if level > GuardLevel::Off {
                inner.guards.freed.open(&mut inner.arena, self.0.platform());
            } else {
                inner.guards.freed.close(&mut inner.arena, self.0.platform());
            }
            inner.choose_steps();
        };
        if level == GuardLevel::Full {
            change(&mut self.0.enter());
        } else {
            self.0.change_without_quarantine(change);
        }
    }

    /// What the guards did and found.
    pub fn statistics(&self) -> GuardStatistics {
        self.0.enter().guards.statistics()
    }

    /// Checks the red zones of all live blocks, and the poison and red zones of all blocks in quarantine, a few at a time.
    /// `should_continue` is called before each step, without the lock; the check ends when it returns false.
    pub fn check(&self, mut should_continue: impl FnMut() -> bool) -> GuardCheck {
        let frame_pointer = self.0.caller().frame_pointer;
        let mut check = GuardCheck::default();
        let mut cursor = Some(0);
        while let Some(from) = cursor.filter(|_| should_continue()) {
            let step = self.0.enter().check_live(from);
            check.live_blocks += step.blocks;
            cursor = step.next;
            self.0.report_findings(frame_pointer);
        }
        let mut place = Some(0);
        while let Some(from) = place.filter(|_| should_continue()) {
            let step = self.0.enter().check_quarantined(from as usize);
            check.quarantined_blocks += step.blocks;
            place = step.next;
            self.0.report_findings(frame_pointer);
        }
        check
    }

    /// The record of the freed block that started at `address`, while it is in quarantine.
    pub fn quarantined(&self, address: usize) -> Option<Record> {
        let inner = self.0.enter();
        let freed = inner.guards.freed.quarantined().find(|freed| freed.block.address() == address);
        freed.map(|freed| freed.block)
    }

    /// Sets the maximum number of blocks in quarantine, and of bytes that they take. The quarantine is flushed first.
    pub fn set_quarantine_limits(&self, blocks: usize, bytes: usize) {
        self.0.change_without_quarantine(|inner| inner.guards.freed.set_limits(blocks, bytes));
    }

    /// Checks all blocks in quarantine, and gives them to the backend.
    pub fn flush_quarantine(&self) {
        self.0.flush_quarantine(self.0.caller().frame_pointer);
        keep_frame();
    }

    /// One allocation in this many is sampled; 0 if none is.
    pub fn sampling_interval(&self) -> u32 {
        self.0.enter().guards.pool.interval()
    }

    /// Places one allocation in `interval` between guard pages from now on; none if it is 0. False if there is no memory or
    /// address space for the slots; then none is sampled. Live blocks stay where they are.
    pub fn set_sampling_interval(&self, interval: u32) -> bool {
        let is_open = self.0.enter().set_sampling(interval, self.0.platform());
        if interval == 0 {
            self.0.give_idle_slots();
        }
        self.0.enter().close_pool_if_done(self.0.platform());
        is_open
    }

    /// Sets how many slots for sampled blocks there are when sampling is next switched on: 1 to
    /// [`MAX_SAMPLE_SLOTS`](crate::MAX_SAMPLE_SLOTS). Other numbers are clamped.
    pub fn set_sample_slots(&self, slots: usize) {
        self.0.enter().guards.pool.set_wanted_slots(slots);
    }

    /// Whether an address lies in the window of sampled blocks, guard pages included.
    pub fn is_in_window(&self, address: usize) -> bool {
        self.0.enter().guards.pool.contains(address)
    }

    /// Explains an access that faulted at `address`. Its page allows access from now on, so the instruction can be
    /// repeated, and each page is reported once until its slot is used again. Never waits for the tracker's lock.
    ///
    /// # Errors
    ///
    /// [`Unexplained`] if no sampled block is known there, or the lock is held; nothing has changed then.
    pub fn explain_access(&self, address: usize, access: Access) -> Result<InvalidAccess, Unexplained> {
        let mut inner = self.0.inner.try_enter().ok_or(Unexplained::Busy)?;
        inner.explain_access(address, access, self.0.platform()).ok_or(Unexplained::Foreign)
    }
}

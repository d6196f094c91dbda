//! A reallocation in a lane.
//!
//! The record is taken out before the backend gets the block, and one for the new size is entered afterwards: so a free
//! that races with it finds none, and is refused.

use core::alloc::Layout;
use core::ptr::{NonNull, copy_nonoverlapping};

use portable_atomic::Ordering;

use super::Plan;
use super::free::{Claimed, Freed, is_plain};
use super::worker::Worker;
use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::history::{Event, EventKind};
use crate::platform::Platform;
use crate::record::{Origin, Record};
use crate::stacks::MAX_FRAMES;
use crate::tracked::Tracked;
use crate::tracked::inner::{Caller, Claim};

/// How far a reallocation came in a lane.
enum Resized {
    /// To the end: here is the block.
    Done(NonNull<u8>),
    /// Nowhere: the block is to move, and this is its layout.
    Move(Layout),
    /// Nowhere: it is for who stops all lanes.
    Nowhere,
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// As [`Tracked::reallocate`]; `None` if a lane cannot do it.
    pub(in super::super) fn reallocate_in_lane(
        &self,
        block: NonNull<u8>,
        claim: impl Claim,
        new_size_bytes: usize,
        caller: &Caller<'_, P>,
    ) -> Option<Result<Option<NonNull<u8>>, BadFree>> {
        let lane = self.inner.enter_lane();
        let mut worker =
            lane.map_or_else(|no_lane| self.work_later(no_lane), |lane| Some(Worker::new(lane)))?;
        let resized = worker.resize(block, claim, new_size_bytes, caller);
        drop(worker);
        let old_layout = match resized {
            Resized::Done(block) => return Some(Ok(Some(block))),
            Resized::Move(layout) => layout,
            Resized::Nowhere => return None,
        };
        let new_layout = Layout::from_size_align(new_size_bytes, old_layout.align()).ok()?;
        let Some(moved) = self.allocate_in_lane_for(new_layout, caller.frame_pointer) else {
            return Some(Ok(None));
        };
        // SAFETY: both blocks are live, different, and at least that long; the caller owns the old one.
        unsafe { copy_nonoverlapping(block.as_ptr(), moved.as_ptr(), old_layout.size().min(new_size_bytes)) };
        if let Err(bad) = self.free_moved_in_lane(block, old_layout, caller) {
            // Somebody else has freed the old block meanwhile.
            self.free_in_lane(moved.as_ptr() as usize, new_layout, |_, _| {});
            return Some(Err(bad));
        }
        Some(Ok(Some(moved)))
    }

    /// Frees the old place of a block that has moved, and counts the reallocation.
    fn free_moved_in_lane(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        caller: &Caller<'_, P>,
    ) -> Result<(), BadFree> {
        let address = block.as_ptr() as usize;
        let lane = self.inner.enter_lane();
        let worker = lane.map_or_else(|no_lane| self.work_later(no_lane), |lane| Some(Worker::new(lane)));
        let freed = worker.map_or(Freed::Nowhere, |mut worker| {
            let freed = worker.free(address, layout, || caller.innermost_outside());
            if matches!(freed, Freed::Done | Freed::LastRecord) && worker.common.plan().has(Plan::COUNT) {
                worker.body.tallies.reallocations += 1;
                worker.body.is_dirty = true;
            }
            freed
        });
        match freed {
            Freed::Done => Ok(()),
            Freed::LastRecord => self.free_alone(freed, address, layout, caller.frame_pointer),
            // SAFETY: the caller has moved the block.
            Freed::Nowhere => unsafe { self.free_moved(block, layout, caller) },
            Freed::Missing => {
                self.free_alone(freed, address, layout, caller.frame_pointer)?;
                self.enter().count_reallocation(caller.platform);
                Ok(())
            }
        }
    }
}

impl<B: Backend, P: Platform> Worker<'_, B, P> {
    fn resize(
        &mut self,
        block: NonNull<u8>,
        claim: impl Claim,
        new_size_bytes: usize,
        caller: &Caller<'_, P>,
    ) -> Resized {
        let plan = self.common.plan();
        if !plan.has(Plan::ALLOCATE) {
            return Resized::Nowhere;
        }
        if !plan.has(Plan::LOOK_UP) {
            return self.resize_unrecorded(block, claim, new_size_bytes, plan);
        }
        let address = block.as_ptr() as usize;
        let record =
            self.common.find(address).filter(|record| is_plain(record, claim) && plan.has(Plan::RECORD));
        let Some(record) = record else { return Resized::Nowhere };
        let old = record.layout();
        let Ok(new) = Layout::from_size_align(new_size_bytes, old.align()) else { return Resized::Nowhere };
        let is_in_place = self.common.is_same_memory(old, new);
        // Where there is a history, a moved block's events come one by one.
        if !is_in_place && (plan.has(Plan::EVENT) || self.common.shared_backend().is_none()) {
            return Resized::Move(old);
        }
        let stack = if plan.has(Plan::STACK) {
            self.stack::<MAX_FRAMES>(caller.frame_pointer)
        } else {
            record.stack()
        };
        // From here on the block is nobody's.
        let (body, common) = (&mut *self.body, &self.common);
        let claimed = common.claim(address, old, |clock| {
            if plan.has(Plan::EVENT) {
                body.number_event(clock, common.numbering());
            }
        });
        let Claimed::Record(record, _) = claimed else { return Resized::Nowhere };
        if is_in_place {
            self.note_in_place(&record, new_size_bytes, stack, plan);
            self.enter_resized(record, new_size_bytes, stack, plan);
            return Resized::Done(block);
        }
        // SAFETY: the live map had the block, with this layout, and has it no more; the caller gives it up if it moves.
        let resized = self
            .common
            .shared_backend()
            .and_then(|backend| unsafe { backend.reallocate(block, old, new_size_bytes) });
        let Some(own) = resized else {
            self.enter_again(record);
            return Resized::Move(old);
        };
        let old_taken_bytes = self.common.usable_size_bytes(old);
        if plan.has(Plan::COUNT) || !B::KNOWS_LIVE {
            self.body.kept.resize(old_taken_bytes, own.len());
        }
        if own.cast() == block {
            self.enter_resized(record, new_size_bytes, stack, plan);
        } else {
            self.enter_moved(&record, own.cast(), new, stack, plan, caller);
        }
        Resized::Done(own.cast())
    }

    /// Enters the record of a block again that has another size now, at the same place.
    fn enter_resized(&mut self, old: Record, new_size_bytes: usize, stack: u16, plan: Plan) {
        let mut record = old;
        record.set_size_and_stack(new_size_bytes, stack);
        self.charge(old.stack(), |charge| charge.subtract(old.size_bytes()));
        self.charge(stack, |charge| charge.take_over(new_size_bytes));
        self.body.kept.subtract_recorded(old.size_bytes());
        self.body.kept.add_recorded(new_size_bytes);
        self.enter_again(record);
        if plan.has(Plan::COUNT) {
            self.body.tallies.reallocations += 1;
        }
        self.settle_counts();
    }

    /// Enters the record of a block that the backend has moved: that is an allocation and a free, too.
    fn enter_moved(
        &mut self,
        old: &Record,
        moved: NonNull<u8>,
        new: Layout,
        stack: u16,
        plan: Plan,
        caller: &Caller<'_, P>,
    ) {
        let platform = self.common.platform;
        if plan.has(Plan::STACK) {
            self.body.recent_frees.note(old, &Origin::now(0, 0, platform), caller.innermost_outside());
        }
        self.charge(old.stack(), |charge| charge.subtract(old.size_bytes()));
        self.charge(stack, |charge| charge.add(new.size()));
        self.body.kept.subtract_recorded(old.size_bytes());
        self.body.kept.add_recorded(new.size());
        let sequence = self.next_sequence();
        self.enter_again(Record::new(moved, new, &Origin::now(sequence, stack, platform)));
        if plan.has(Plan::COUNT) {
            self.body.tallies.count_allocation(new.size());
            self.body.tallies.count_free();
            self.body.tallies.reallocations += 1;
        }
        self.settle_counts();
    }

    /// Enters the record of a block that had one. If there is no room any more, the block has none from now on, like
    /// one that found no room when it came.
    fn enter_again(&mut self, record: Record) {
        let latest = self.body.sequence;
        let entered = self.common.enter_with(record.address(), |clock| {
            // Its events have numbers already.
            clock.store(clock.load(Ordering::Relaxed).max(latest), Ordering::Relaxed);
            record
        });
        if entered.is_none() {
            self.body.tallies.untracked += 1;
            self.body.kept.subtract_recorded(record.size_bytes());
            self.charge(record.stack(), |charge| charge.subtract(record.size_bytes()));
            self.body.is_dirty = true;
        }
    }

    /// Writes the events of a reallocation in place.
    fn note_in_place(&mut self, record: &Record, new_size_bytes: usize, stack: u16, plan: Plan) {
        if !plan.has(Plan::EVENT) {
            return;
        }
        let address = record.address();
        for (kind, size_bytes, stack) in [
            (EventKind::ReallocateFrom, record.size_bytes(), record.stack()),
            (EventKind::Reallocate, new_size_bytes, stack),
        ] {
            let origin = Origin::now(self.body.sequence, stack, self.common.platform);
            self.write(Event::new(kind, address, size_bytes, &origin));
            // The first got its number when the record was removed.
            if kind == EventKind::ReallocateFrom {
                self.body.number_after(0, self.common.numbering());
            }
        }
    }

    /// Gives a block without a record another size.
    fn resize_unrecorded(
        &mut self,
        block: NonNull<u8>,
        claim: impl Claim,
        new_size_bytes: usize,
        plan: Plan,
    ) -> Resized {
        let (Some(old), Some(backend)) = (claim.layout(), self.common.shared_backend()) else {
            return Resized::Nowhere;
        };
        let old_taken_bytes = backend.usable_size_bytes(old);
        // SAFETY: the caller says that the block is one of this layout, and gives it up if it moves; nobody knows
        // better.
        let Some(own) = (unsafe { backend.reallocate(block, old, new_size_bytes) }) else {
            return Resized::Move(old);
        };
        if plan.has(Plan::COUNT) || !B::KNOWS_LIVE {
            self.body.kept.resize(old_taken_bytes, own.len());
            self.settle_counts();
        }
        if plan.has(Plan::COUNT) {
            self.body.tallies.reallocations += 1;
            if own.cast() != block {
                self.body.tallies.count_allocation(new_size_bytes);
                self.body.tallies.count_free();
            }
            self.settle_counts();
        }
        Resized::Done(own.cast())
    }
}

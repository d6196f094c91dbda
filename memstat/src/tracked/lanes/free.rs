//! A free in a lane.

use core::ptr::NonNull;

use super::Plan;
use super::worker::Worker;
use crate::backend::Backend;
use crate::bad_free::{BadFree, BadFreeKind};
use crate::history::Event;
use crate::platform::Platform;
use crate::recent_frees::CALLERS;
use crate::record::{Guarding, Origin, Record};
use crate::refused::LockRefused;
use crate::tracked::Tracked;
use crate::tracked::inner::{Caller, Claim, Inner};

/// How far a free came in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freed {
    /// To the end.
    Done,
    /// To the end, and no record is left in the block's shard, at a level without records.
    LastRecord,
    /// Nowhere: it is for who stops all lanes.
    Nowhere,
    /// Nowhere, as the live map does not have the block.
    Missing,
}

/// A record in a shard.
pub(super) enum Claimed {
    /// It was removed; whether it is known that it was the shard's last.
    Record(Record, bool),
    /// There is none.
    Missing,
    /// It has another layout, or guards.
    Other,
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// As [`Tracked::free_or`].
    #[inline(never)]
    pub(in super::super) fn free_in_lane(
        &self,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree, usize),
    ) {
        let platform = self.platform();
        let frame_pointer = platform.frame_pointer();
        let mut worker = match self.inner.enter_lane() {
            Ok(lane) => Worker::new(lane),
            Err(no_lane) => match self.work_later(no_lane) {
                Some(worker) => worker,
                None => return self.free_without_lane(address, claim, frame_pointer, report),
            },
        };
        let freed = worker.free(address, claim, || platform.callers());
        drop(worker);
        if freed != Freed::Done
            && let Err(bad) = self.free_alone(freed, address, claim, frame_pointer)
        {
            report(bad, frame_pointer);
        }
    }

    #[cold]
    #[inline(never)]
    fn free_without_lane(
        &self,
        address: usize,
        claim: impl Claim,
        frame_pointer: usize,
        report: impl FnOnce(BadFree, usize),
    ) {
        if let Some(inner) = self.enter_if_ever_free() {
            self.free_slowly(address, claim, inner, frame_pointer, report);
        } else if address != 0 {
            let caller = Caller { frame_pointer, platform: self.platform() };
            self.refuse(&LockRefused::Free { address }, &caller);
        }
    }

    /// Ends a free that a lane could not end.
    #[cold]
    #[inline(never)]
    pub(super) fn free_alone(
        &self,
        freed: Freed,
        address: usize,
        claim: impl Claim,
        frame_pointer: usize,
    ) -> Result<(), BadFree> {
        let Some(block) = NonNull::new(address as *mut u8) else { return Ok(()) };
        let caller = Caller { frame_pointer, platform: self.platform() };
        let mut inner = self.enter();
        let result = match freed {
            Freed::Done => Ok(()),
            Freed::LastRecord => {
                inner.choose_steps();
                Ok(())
            }
            Freed::Nowhere => inner.free(block, claim.layout(), &caller),
            Freed::Missing => inner.free_missing(block, claim, &caller),
        };
        let has_findings = !inner.guards.findings.is_empty();
        drop(inner);
        if has_findings {
            self.report_findings(frame_pointer);
        }
        result
    }
}

impl<B: Backend> Inner<B> {
    /// Frees a block that the live map did not have when its free came. If it has one there now, that is another's,
    /// which came since: the free was a second one.
    fn free_missing<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claim: impl Claim,
        caller: &Caller<'_, P>,
    ) -> Result<(), BadFree> {
        let address = block.as_ptr() as usize;
        if self.live.get(address).is_some() {
            let bad = BadFree { kind: BadFreeKind::DoubleFree, ..self.bad_free::<P>(address) };
            return Err(self.refuse(bad, caller));
        }
        self.free_unrecorded(block, claim.layout(), caller)
    }
}

impl<B: Backend, P: Platform> Worker<'_, B, P> {
    /// Frees the block at `address`; `callers` says who does.
    #[expect(clippy::inline_always, reason = "on the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub(super) fn free<C: Claim>(
        &mut self,
        address: usize,
        claim: C,
        callers: impl FnOnce() -> [usize; CALLERS],
    ) -> Freed {
        let plan = self.common.plan();
        if !plan.has(Plan::FREE) {
            return Freed::Nowhere;
        }
        if plan.has(Plan::LOOK_UP) {
            let (body, common) = (&mut *self.body, &self.common);
            let claimed = common.claim(address, claim, |clock| {
                if plan.has(Plan::EVENT) {
                    body.number_event(clock, common.numbering());
                }
            });
            match claimed {
                Claimed::Record(record, is_last) => {
                    self.finish(&record, plan, callers);
                    let is_last = is_last && !plan.has(Plan::RECORD);
                    return if is_last { Freed::LastRecord } else { Freed::Done };
                }
                Claimed::Missing if plan.has(Plan::RECORD) => return Freed::Missing,
                Claimed::Missing => {}
                Claimed::Other => return Freed::Nowhere,
            }
        }
        self.free_unrecorded(address, claim, plan)
    }

    /// Frees a block whose record is gone.
    #[expect(clippy::inline_always, reason = "on the fast path; and the frame must be the caller's")]
    #[inline(always)]
    fn finish(&mut self, record: &Record, plan: Plan, callers: impl FnOnce() -> [usize; CALLERS]) {
        let size_bytes = record.size_bytes();
        self.charge(record.stack(), |charge| charge.subtract(size_bytes));
        self.body.kept.subtract_recorded(size_bytes);
        if plan.has(Plan::STACK) {
            let free = Origin::now(0, 0, self.common.platform);
            self.body.recent_frees.note(record, &free, callers());
        }
        if plan.has(Plan::EVENT) {
            // It got its number when its record was removed, before others can get the memory.
            let origin = Origin::now(self.body.sequence, record.stack(), self.common.platform);
            self.write(Event::of_free(record, &origin));
        }
        // A block never lies at address 0.
        let block = NonNull::new(record.address() as *mut u8).unwrap_or(NonNull::dangling());
        // SAFETY: the live map had the block, with this layout, and has it no more; the caller gives it up.
        let taken_bytes = unsafe { self.common.give_block(block, record.layout()) };
        if plan.has(Plan::COUNT) {
            self.body.tallies.count_free();
        }
        if plan.has(Plan::COUNT) || !B::KNOWS_LIVE {
            self.body.kept.subtract(taken_bytes);
        }
        self.settle_counts();
    }

    /// Frees a block without a record, at a level that keeps none.
    #[inline]
    fn free_unrecorded(&mut self, address: usize, claim: impl Claim, plan: Plan) -> Freed {
        let own = NonNull::new(address as *mut u8).zip(claim.layout());
        let (Some((block, layout)), Some(backend)) = (own, self.common.shared_backend()) else {
            return Freed::Nowhere;
        };
        // SAFETY: the caller says that the block is one of this layout, and gives it up; nobody knows better.
        let taken_bytes = unsafe { backend.deallocate(block, layout) };
        if plan.has(Plan::COUNT) {
            self.body.tallies.count_free();
        }
        if plan.has(Plan::COUNT) || !B::KNOWS_LIVE {
            self.body.kept.subtract(taken_bytes);
            self.settle_counts();
        }
        Freed::Done
    }
}

/// Whether a lane may free the block, as far as its record says.
pub(super) fn is_plain(record: &Record, claim: impl Claim) -> bool {
    claim.fits(record) && record.is_guarded_as(Guarding::None)
}

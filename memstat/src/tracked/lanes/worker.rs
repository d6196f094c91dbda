//! A lane at work: its gate is closed. This module has the lanes' `unsafe` code: which part of the tracker's state may be
//! used under which latch.

use core::alloc::Layout;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use portable_atomic::AtomicU64;

use super::free::{Claimed, is_plain};
use super::slot::{Numbering, Slot, SlotBody};
use super::{Common, LaneTotals, Plan, SEQUENCE_RUN};
use crate::arena::Arena;
use crate::backend::{Backend, SharedBackend};
use crate::history::Event;
use crate::live::shards::{Shard, ShardMap, Shards};
use crate::lock::Lane;
use crate::platform::Platform;
use crate::record::Record;
use crate::stacks::Depot;
use crate::stacks::charge::Charge;
use crate::tracked::inner::{Claim, Inner};

/// A lane at work. Dropping it opens the gate.
pub(super) struct Worker<'a, B: Backend, P: Platform> {
    pub(super) body: Body,
    pub(super) common: CommonOf<'a, B, P>,
    _lane: Lane<'a, Inner<B>, P>,
}

/// The lane's own state.
pub(super) struct Body(NonNull<SlotBody>);

impl Deref for Body {
    type Target = SlotBody;

    #[inline]
    fn deref(&self) -> &SlotBody {
        // SAFETY: the lane's gate is closed until the worker is dropped.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for Body {
    #[inline]
    fn deref_mut(&mut self) -> &mut SlotBody {
        // SAFETY: as in `deref`, and `&mut self` makes the reference the only one.
        unsafe { self.0.as_mut() }
    }
}

/// What the lane shares with others. No reference to all of the tracker's state is made, as others use parts of it.
pub(super) struct CommonOf<'a, B: Backend, P> {
    inner: *mut Inner<B>,
    pub(super) platform: &'a P,
}

impl<'a, B: Backend, P: Platform> Worker<'a, B, P> {
    #[inline]
    pub(super) fn new(lane: Lane<'a, Inner<B>, P>) -> Self {
        let slot = lane.gate().cast::<Slot>();
        // SAFETY: the gate is the first field of a slot.
        let body = unsafe { NonNull::new_unchecked((*slot).body()) };
        let common = CommonOf { inner: lane.value(), platform: lane.platform() };
        Self { body: Body(body), common, _lane: lane }
    }

    /// The number of the lane's next event.
    #[inline]
    pub(super) fn next_sequence(&mut self) -> u64 {
        if self.body.sequence == self.body.sequence_end {
            let start = self.common.take_sequence(SEQUENCE_RUN);
            self.body.sequence = start;
            self.body.sequence_end = start + SEQUENCE_RUN;
        }
        self.body.sequence += 1;
        self.body.sequence
    }

    /// Writes an event to the lane's own ring.
    #[inline]
    pub(super) fn write(&mut self, event: Event) {
        let (body, common) = (&mut *self.body, &self.common);
        if body.history.has_room() {
            body.history.put(event);
        } else {
            common.with_arena(|arena| body.history.write(event, arena, common.platform));
        }
    }

    /// Hands in what was counted, if it is much.
    #[inline]
    pub(super) fn settle_counts(&mut self) {
        self.body.is_dirty = true;
        if self.body.kept.is_due() {
            let body = &mut *self.body;
            self.common.with_totals(|totals| totals.live.hand_in(&mut body.kept));
        }
    }

    /// Charges a block to the stack of a number, or takes it off.
    #[inline]
    pub(super) fn charge(&mut self, number: u16, change: impl Fn(&mut Charge)) {
        if let Some(charge) = self.body.charge_mut(number) {
            change(charge);
            if charge.is_due() {
                self.common.with_depot(|depot, _| depot.hand_in(number, charge));
            }
        } else if number != 0 {
            self.charge_first(number, change);
        }
    }

    #[cold]
    #[inline(never)]
    fn charge_first(&mut self, number: u16, change: impl Fn(&mut Charge)) {
        let (body, common) = (&mut *self.body, &self.common);
        let is_made = common.with_arena(|arena| body.make_charges(number, arena, common.platform).is_ok());
        if let Some(charge) = body.charge_mut(number).filter(|_| is_made) {
            change(charge);
            return;
        }
        // No memory: it is handed in at once.
        let mut only = Charge::NONE;
        change(&mut only);
        common.with_depot(|depot, _| depot.hand_in(number, &mut only));
    }
}

impl<B: Backend, P: Platform> CommonOf<'_, B, P> {
    #[inline]
    fn common(&self) -> &Common {
        // SAFETY: nobody has a `&mut` to it before all lanes are stopped.
        unsafe { &(*self.inner).lanes }
    }

    /// What is to be done for each operation.
    #[inline]
    pub(super) fn plan(&self) -> Plan {
        self.common().agreed.plan
    }

    /// How events are numbered.
    #[inline]
    pub(super) fn numbering(&self) -> &Numbering {
        &self.common().agreed.numbering
    }

    #[inline]
    fn shards(&self) -> &Shards {
        // SAFETY: as in `common`: lanes change the shards under their own latches.
        unsafe { &(*self.inner).live }.shards()
    }

    #[inline]
    fn with_totals<R>(&self, work: impl FnOnce(&mut LaneTotals) -> R) -> R {
        let totals = &self.common().totals;
        let _held = totals.latch.hold(self.platform);
        // SAFETY: the latch is held, so the reference is the only one.
        work(unsafe { &mut *totals.value.get() })
    }

    /// Takes a run of sequence numbers, and returns the one before.
    #[cold]
    #[inline(never)]
    fn take_sequence(&self, count: u64) -> u64 {
        self.with_totals(|totals| {
            let before = totals.sequence;
            totals.sequence += count;
            before
        })
    }

    /// Uses the arena. It comes last in the order of the latches.
    pub(super) fn with_arena<R>(&self, work: impl FnOnce(&mut Arena) -> R) -> R {
        let _held = self.common().arena.hold(self.platform);
        // SAFETY: the latch is held, so the reference is the only one.
        work(unsafe { &mut (*self.inner).arena })
    }

    /// Uses the depot of call stacks, and the arena.
    pub(super) fn with_depot<R>(&self, work: impl FnOnce(&mut Depot, &mut Arena) -> R) -> R {
        let _held = self.common().depot.hold(self.platform);
        // SAFETY: the latch is held, so the reference is the only one. Stacks themselves are not in the depot, and do not
        // change while lanes are at work.
        let depot = unsafe { &mut (*self.inner).depot };
        self.with_arena(|arena| work(depot, arena))
    }

    /// Uses the map of the shard that has the block at `address`, if there is one.
    #[inline]
    pub(super) fn with_shard<R>(
        &self,
        address: usize,
        work: impl FnOnce(&mut ShardMap, &Shard) -> R,
    ) -> Option<R> {
        let shard = self.shards().of(address)?;
        let _held = shard.latch.hold(self.platform);
        // SAFETY: the latch is held, so the reference is the only one.
        Some(work(unsafe { &mut *shard.map() }, shard))
    }

    /// The record of the block that starts at `address`.
    pub(super) fn find(&self, address: usize) -> Option<Record> {
        self.with_shard(address, |map, _| map.get(address).copied())?
    }

    /// Enters a record in the live map; false if there is no room.
    #[inline]
    pub(super) fn enter(&self, record: Record) -> bool {
        self.enter_with(record.address(), |_| record).is_some()
    }

    /// As [`CommonOf::enter`], with the record that `make` returns when the shard's latch is held. It is given the shard's
    /// clock.
    #[inline]
    pub(super) fn enter_with(
        &self,
        address: usize,
        mut make: impl FnMut(&AtomicU64) -> Record,
    ) -> Option<Record> {
        let entered = self.with_shard(address, |map, shard| {
            let record = make(&shard.clock);
            let is_entered = map.insert_fast(address, || record).is_some() || self.enter_slowly(map, record);
            is_entered.then_some(record)
        });
        match entered {
            Some(entered) => entered,
            None => self.enter_first(address, make),
        }
    }

    #[cold]
    #[inline(never)]
    fn enter_slowly(&self, map: &mut ShardMap, record: Record) -> bool {
        self.with_arena(|arena| map.insert(record, arena, self.platform).is_ok())
    }

    #[cold]
    #[inline(never)]
    fn enter_first(&self, address: usize, mut make: impl FnMut(&AtomicU64) -> Record) -> Option<Record> {
        if !self.make_shard(address) {
            return None;
        }
        self.with_shard(address, |map, shard| {
            let record = make(&shard.clock);
            self.enter_slowly(map, record).then_some(record)
        })?
    }

    /// Removes the record of the block that starts at `address`, if that is what the caller of its free claims. Then
    /// `number` is called with the shard's clock, while its latch is held.
    #[inline]
    pub(super) fn claim(
        &self,
        address: usize,
        claim: impl Claim,
        number: impl FnOnce(&AtomicU64),
    ) -> Claimed {
        let claimed = self.with_shard(address, |map, shard| {
            let claimed = self.claim_from(map, address, claim);
            if matches!(claimed, Claimed::Record(..)) {
                number(&shard.clock);
            }
            claimed
        });
        claimed.unwrap_or(Claimed::Missing)
    }

    #[inline]
    fn claim_from(&self, map: &mut ShardMap, address: usize, claim: impl Claim) -> Claimed {
        let Some(found) = map.find_fast(address) else { return self.claim_slowly(map, address, claim) };
        let record = found.record;
        if !is_plain(&record, claim) {
            return Claimed::Other;
        }
        if !map.forget_alone(found) {
            return self.claim_slowly(map, address, claim);
        }
        Claimed::Record(record, false)
    }

    #[cold]
    #[inline(never)]
    fn claim_slowly(&self, map: &mut ShardMap, address: usize, claim: impl Claim) -> Claimed {
        match map.get(address) {
            None => return Claimed::Missing,
            Some(record) if !is_plain(record, claim) => return Claimed::Other,
            Some(_) => {}
        }
        let removed = self.with_arena(|arena| map.remove_if(address, |_| true, arena, self.platform));
        removed.map_or(Claimed::Missing, |record| Claimed::Record(record, map.len() == 0))
    }

    /// Makes the shard that has the block at `address`.
    #[cold]
    #[inline(never)]
    fn make_shard(&self, address: usize) -> bool {
        self.with_arena(|arena| self.shards().of_or_new(address, arena, self.platform).is_ok())
    }

    /// The backend, if several CPUs may use it at once.
    #[inline]
    pub(super) fn shared_backend(&self) -> Option<&dyn SharedBackend> {
        if !self.plan().has(Plan::SHARED) {
            return None;
        }
        // SAFETY: nobody makes a `&mut` to a backend that is shared before all lanes are stopped.
        unsafe { &(*self.inner).backend }.as_ref()?.shared()
    }

    /// Uses a backend that only one may use at a time. `None` if there is none.
    fn with_backend<R>(&self, work: impl FnOnce(&mut B) -> R) -> Option<R> {
        let _held = self.common().backend.0.hold(self.platform);
        // SAFETY: the latch is held, and the backend is not a shared one, so the reference is the only one.
        unsafe { &mut (*self.inner).backend }.as_mut().map(work)
    }

    /// Takes a block from the backend.
    #[inline]
    pub(super) fn take_block(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        match self.shared_backend() {
            Some(backend) => backend.allocate(layout),
            None => self.with_backend(|backend| backend.allocate(layout))?,
        }
    }

    /// Gives a block back to the backend, and returns the bytes that it took.
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate`].
    #[inline]
    pub(super) unsafe fn give_block(&self, block: NonNull<u8>, layout: Layout) -> usize {
        if let Some(backend) = self.shared_backend() {
            // SAFETY: upheld by the caller.
            return unsafe { backend.deallocate(block, layout) };
        }
        // SAFETY: upheld by the caller.
        self.with_backend(|backend| unsafe { backend.deallocate(block, layout) }).unwrap_or(0)
    }

    /// As [`Backend::usable_size_bytes`].
    pub(super) fn usable_size_bytes(&self, layout: Layout) -> usize {
        match self.shared_backend() {
            Some(backend) => backend.usable_size_bytes(layout),
            None => self.with_backend(|backend| backend.usable_size_bytes(layout)).unwrap_or(0),
        }
    }

    /// Whether the backend would use the same memory for both layouts.
    pub(super) fn is_same_memory(&self, old: Layout, new: Layout) -> bool {
        self.usable_size_bytes(old) == self.usable_size_bytes(new)
    }
}

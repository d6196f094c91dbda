//! Several CPUs or threads at once: what a lane does by itself, and where lanes meet.
//!
//! A lane is what one CPU or thread works in: it has its own counters, call stacks seen last, charges to call stacks,
//! frees remembered, and a run of sequence numbers. An operation closes the lane's gate, does all it does, the backend's
//! part included, and opens the gate. Lanes meet in the shards of the live map and, rarely, in the arena, the stacks, and
//! the totals; each has a latch that is held for some instructions. Order: backend alone; shard, arena; stacks, arena.
//!
//! There are none as long as only one CPU or thread has come: it takes the tracker's lock (`lock`), and the paths of
//! `tracked` are its. What it has recorded is in the shards, and so is every lane's when a second one comes.
//!
//! At level `full` a lane writes events to a ring of its own. What puts the events of all lanes in order is that those of a
//! block meet in its shard: an event's number is greater than the lane's last one and than the shard's last one
//! (Lamport, Time, Clocks, and the Ordering of Events, 1978). So two events of one block, or of one lane, are in the order in
//! which they came; two that have nothing to do with each other may be in either order, as nobody can tell which was first.
//!
//! Whoever takes the tracker's lock has stopped all lanes: no operation is under way, and [`Common::stopped`] makes all
//! figures whole. So every slow path, view and switch of the level is the same as where there are no lanes. Guards, fault
//! injection and sampling are slow paths in a lane.

mod allocate;
mod free;
mod reallocate;
mod slot;
#[cfg(test)]
#[cfg(feature = "std")]
mod tests;
mod worker;

use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};

use super::inner::Inner;
use crate::backend::Backend;
use crate::counters::{Tallies, Totals};
use crate::history::merged::{Merged, Ring};
use crate::history::{Event, HistoryPart};
use crate::level::Level;
use crate::lock::Protected;
use crate::lock::gate::{Gate, MAX_LANES};
use crate::lock::latch::Latch;
use crate::platform::Platform;
use crate::recent_frees::RecentFree;
use crate::stacks::Depot;
use slot::{Numbering, Slot, SlotBody};

/// Sequence numbers that a lane takes at a time.
const SEQUENCE_RUN: u64 = 1024;

/// What lanes do for each operation: a set of bits, changed while all are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan(u16);

impl Plan {
    /// Lanes allocate on their own; else allocations are slow paths. Only where frees are no slow paths either.
    const ALLOCATE: u16 = 1;
    /// Lanes free on their own.
    const FREE: u16 = 1 << 1;
    /// Operations are counted.
    const COUNT: u16 = 1 << 2;
    /// Blocks are recorded.
    const RECORD: u16 = 1 << 3;
    /// With their call stacks.
    const STACK: u16 = 1 << 4;
    /// Events are written.
    const EVENT: u16 = 1 << 5;
    /// There may be records.
    const LOOK_UP: u16 = 1 << 6;
    /// The backend serves several lanes at once.
    const SHARED: u16 = 1 << 7;

    /// Zero, as a tracker's initial state has to be.
    const ALONE: Self = Self(0);

    #[inline]
    fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }
}

/// What lanes read at each operation, in a cache line of its own: it changes only while all are stopped.
#[derive(Debug)]
#[repr(align(64))]
struct Agreed {
    plan: Plan,
    numbering: Numbering,
}

/// Where lanes meet.
#[derive(Debug)]
pub(super) struct Common {
    agreed: Agreed,
    /// The lanes, for who has stopped them all.
    slots: [*mut Slot; MAX_LANES],
    lanes: usize,
    totals: Shared<LaneTotals>,
    arena: Latch,
    depot: Latch,
    backend: Line,
}

/// A latch in a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Line(Latch);

/// A value and its latch, in a cache line of their own.
#[derive(Debug)]
#[repr(align(64))]
struct Shared<T> {
    latch: Latch,
    value: UnsafeCell<T>,
}

/// The figures that lanes hand in, or take their share of.
#[derive(Debug)]
struct LaneTotals {
    live: Totals,
    /// The highest sequence number that a lane has, used or not.
    sequence: u64,
}

// SAFETY: the slots are the tracker's, and what several lanes use has latches.
unsafe impl Send for Common {}

impl Common {
    pub(super) const fn new() -> Self {
        Self {
            agreed: Agreed { plan: Plan::ALONE, numbering: Numbering { floor: 0, mask: 0 } },
            slots: [null_mut(); MAX_LANES],
            lanes: 0,
            totals: Shared {
                latch: Latch::new(),
                value: UnsafeCell::new(LaneTotals { live: Totals::ZERO, sequence: 0 }),
            },
            arena: Latch::new(),
            depot: Latch::new(),
            backend: Line(Latch::new()),
        }
    }

    /// The lanes' own state. They must be stopped.
    fn bodies(&mut self) -> impl Iterator<Item = (u8, &mut SlotBody)> {
        let slots = self.slots.iter().take(self.lanes);
        // SAFETY: a slot stays where it is for ever. Its lane is stopped, and `&mut self` makes the reference the only
        // one.
        slots.map(|slot| unsafe { ((**slot).number, &mut *(**slot).body()) })
    }

    /// Makes the figures whole: all lanes are stopped.
    fn stopped(&mut self, tallies: &mut Tallies, sequence: &mut u64) {
        let LaneTotals { live: mut totals, sequence: mut latest } = *self.totals.value.get_mut();
        for (number, body) in self.bodies().filter(|(_, body)| body.is_dirty) {
            body.is_dirty = false;
            totals.hand_in(&mut body.kept);
            tallies.hand_in(number, &mut body.tallies);
            // Numbers that nobody has used yet are used next, if none came after them.
            if body.sequence_end == latest {
                latest = body.sequence;
            }
            latest = latest.max(body.sequence);
            body.sequence_end = body.sequence;
        }
        tallies.set_totals(&totals);
        *sequence = latest;
    }

    /// Lets lanes go on from these figures.
    fn go_on(&mut self, tallies: &Tallies, sequence: u64) {
        *self.totals.value.get_mut() = LaneTotals { live: tallies.totals(), sequence };
        self.agreed.numbering.floor = sequence;
    }

    /// Charges to the stack of a number what lanes have charged to it.
    pub(super) fn settle(&mut self, number: u16, depot: &mut Depot) {
        if self.lanes == 0 {
            return;
        }
        for (_, body) in self.bodies() {
            if let Some(charge) = body.charge_mut(number) {
                depot.hand_in(number, charge);
            }
        }
        depot.settle(number);
    }

    /// The lanes' rings of events.
    pub(super) fn histories(&self) -> impl Iterator<Item = &dyn Ring> {
        let slots = self.slots.iter().take(self.lanes);
        // SAFETY: as in `bodies`; nothing changes while `self` is borrowed.
        slots.map(|slot| &unsafe { &*(**slot).body() }.history as &dyn Ring)
    }

    /// The last frees that lanes remember, in no order.
    pub(super) fn recent_frees(&self) -> impl Iterator<Item = &RecentFree> {
        let slots = self.slots.iter().take(self.lanes);
        // SAFETY: as in `bodies`; nothing changes while `self` is borrowed.
        slots.flat_map(|slot| unsafe { &*(**slot).body() }.recent_frees.newest_first())
    }

    pub(super) fn forget_free(&mut self, address: usize) {
        self.bodies().for_each(|(_, body)| body.recent_frees.forget(address));
    }

    pub(super) fn clear_frees(&mut self) {
        self.bodies().for_each(|(_, body)| body.recent_frees.clear());
    }
}

impl<B: Backend> Protected for Inner<B> {
    fn entered(&mut self) {
        self.lanes.stopped(&mut self.tallies, &mut self.sequence);
    }

    fn leaving(&mut self) {
        self.lanes.go_on(&self.tallies, self.sequence);
    }
}

impl<B: Backend> Inner<B> {
    /// Events that were ever written.
    pub(super) fn written_events<P: Platform>(&self) -> u64 {
        if P::LANES == 1 { self.history.written() } else { self.merged_history().written() }
    }

    /// Copies events from number `cursor` on into `buffer`.
    pub(super) fn read_history<P: Platform>(&self, cursor: u64, buffer: &mut [Event]) -> HistoryPart {
        if P::LANES == 1 {
            self.history.read(cursor, buffer)
        } else {
            self.merged_history().read(cursor, buffer)
        }
    }

    /// Copies the newest events into `buffer`, and returns how many.
    pub(super) fn newest_events<P: Platform>(&self, buffer: &mut [Event]) -> usize {
        let cursor = self.written_events::<P>().saturating_sub(buffer.len() as u64);
        self.read_history::<P>(cursor, buffer).count
    }

    /// The newest event for which `is_wanted` is true.
    pub(super) fn newest_event<P: Platform>(&self, is_wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        if P::LANES == 1 {
            self.history.find_newest(is_wanted)
        } else {
            self.merged_history().find_newest(is_wanted)
        }
    }

    /// The history of all lanes, and of what was done while they were stopped.
    fn merged_history(&self) -> Merged<'_> {
        let own = core::iter::once(&self.history as &dyn Ring);
        Merged::new(own.chain(self.lanes.histories()), self.sequence, self.history.capacity())
    }

    /// Forgets all events. They are at most `capacity` from now on, if that is given.
    pub(super) fn clear_history(&mut self, capacity: Option<usize>, platform: &impl Platform) {
        let events = capacity.unwrap_or(self.history.capacity());
        self.history.set_capacity(events, &mut self.arena, platform);
        for (_, body) in self.lanes.bodies() {
            body.history.set_capacity(events, &mut self.arena, platform);
        }
    }

    /// Chooses what lanes do, after anything that it depends on has changed.
    pub(super) fn choose_plan(&mut self) {
        let only_if = |bits: u16, condition: bool| if condition { bits } else { 0 };
        let is_alone = self.backend.is_none() || self.is_guarding;
        let records = self.level >= Level::Blocks;
        self.lanes.agreed.plan = Plan(
            only_if(Plan::ALLOCATE, !(is_alone || self.is_injecting_faults || self.is_sampling))
                | only_if(Plan::FREE, !is_alone)
                | only_if(Plan::COUNT, self.is_counting())
                | only_if(Plan::RECORD, records)
                | only_if(Plan::STACK, self.level >= Level::Stacks)
                | only_if(Plan::EVENT, self.keeps_history())
                | only_if(Plan::LOOK_UP, records || self.live.len() != 0)
                | only_if(
                    Plan::SHARED,
                    self.backend.as_ref().is_some_and(|backend| backend.shared().is_some()),
                ),
        );
    }

    /// A lane's own state, in pages of the arena. `None` if there is no memory for it: then operations are slow paths.
    #[cold]
    fn make_slot(&mut self, number: usize, platform: &impl Platform) -> Option<NonNull<Gate>> {
        let place = self.lanes.slots.get_mut(self.lanes.lanes)?;
        let slot: NonNull<Slot> = self.arena.take_page(platform)?.cast();
        // SAFETY: a fresh page of the arena, which is large and aligned enough.
        unsafe {
            slot.write(Slot::new(number as u8, self.lanes.lanes as u64));
            let body = &mut *slot.as_ref().body();
            body.recent_stacks.prepare();
            body.history.set_capacity(self.history.capacity(), &mut self.arena, platform);
        }
        *place = slot.as_ptr();
        self.lanes.lanes += 1;
        self.lanes.agreed.numbering.mask = self.lanes.lanes.next_power_of_two() as u64 - 1;
        self.choose_steps();
        Some(slot.cast())
    }
}

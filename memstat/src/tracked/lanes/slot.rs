//! The state of one lane: a page of the arena, whose gate comes first.

use core::cell::UnsafeCell;

use crate::arena::{Arena, ArenaFull};
use crate::counters::{CpuTallies, Kept};
use crate::history::History;
use crate::lock::gate::Gate;
use crate::paged_vec::{Id, PagedVec};
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::recent_frees::RecentFrees;
use crate::stacks::Recent;
use crate::stacks::charge::Charge;
use portable_atomic::{AtomicU64, Ordering};

/// Call stacks that a lane has seen last.
const RECENT_STACKS: usize = 128;
/// Frees that a lane remembers, and one.
const RECENT_FREES: usize = 32;

/// Branches of a lane's ring of events: room for 524,288.
const HISTORY_BRANCHES: usize = 8;

/// A lane's state.
#[derive(Debug)]
#[repr(C, align(64))]
pub(in super::super) struct Slot {
    gate: Gate,
    pub(super) number: u8,
    body: UnsafeCell<SlotBody>,
}

const _: () = assert!(size_of::<Slot>() <= PAGE_SIZE_BYTES);

impl Slot {
    /// The state of a lane that is stopped; `order` says how many there were before.
    pub(super) const fn new(number: u8, order: u64) -> Self {
        Self { gate: Gate::stopped(), number, body: UnsafeCell::new(SlotBody::new(order)) }
    }

    /// What is used by who has closed the gate.
    #[inline]
    pub(super) fn body(&self) -> *mut SlotBody {
        self.body.get()
    }
}

/// What a lane has for itself.
#[derive(Debug)]
pub(in super::super) struct SlotBody {
    /// Whether anything was counted or numbered since the figures were made whole.
    pub(super) is_dirty: bool,
    /// The number of the lane's last event.
    pub(super) sequence: u64,
    /// The last number that it may use before it takes more.
    pub(super) sequence_end: u64,
    /// Of the numbers of events, those are this lane's that have this rest, see [`Numbering`].
    order: u64,
    /// Its events.
    pub(super) history: History<HISTORY_BRANCHES>,
    pub(super) kept: Kept,
    pub(super) tallies: CpuTallies,
    charges: PagedVec<Charge, 1>,
    pub(super) recent_stacks: Recent<RECENT_STACKS>,
    pub(super) recent_frees: RecentFrees<RECENT_FREES>,
}

impl SlotBody {
    const fn new(order: u64) -> Self {
        Self {
            is_dirty: false,
            sequence: 0,
            sequence_end: 0,
            order,
            history: History::new(),
            kept: Kept::NONE,
            tallies: CpuTallies::ZERO,
            charges: PagedVec::new(),
            recent_stacks: Recent::new(),
            recent_frees: RecentFrees::new(),
        }
    }

    /// The number of the lane's next event, which is greater than that of the last event of the same shard: so the events of
    /// a block have rising numbers, whichever lanes they are from. `clock` is the shard's, for who has its latch.
    #[inline]
    pub(super) fn number_event(&mut self, clock: &AtomicU64, numbering: &Numbering) -> u64 {
        let number = self.number_after(clock.load(Ordering::Relaxed), numbering);
        clock.store(number, Ordering::Relaxed);
        number
    }

    /// The number of the lane's next event, if that is to be greater than `before`.
    #[inline]
    pub(super) fn number_after(&mut self, before: u64, numbering: &Numbering) -> u64 {
        let before = before.max(self.sequence).max(numbering.floor);
        let number = before & !numbering.mask | self.order;
        self.sequence = if number > before { number } else { number + numbering.mask + 1 };
        self.sequence_end = self.sequence;
        self.sequence
    }

    /// What the lane has charged to the stack of a number, if there is room for that yet.
    #[inline]
    pub(super) fn charge_mut(&mut self, number: u16) -> Option<&mut Charge> {
        let id = usize::from(number).checked_sub(1).filter(|id| *id < self.charges.len())?;
        Some(self.charges.get_mut(Id(id as u32)))
    }

    /// Makes room for charges to the stack of a number.
    #[cold]
    #[inline(never)]
    pub(super) fn make_charges(
        &mut self,
        number: u16,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(), ArenaFull> {
        while self.charges.len() < usize::from(number) {
            self.charges.push(Charge::NONE, arena, platform)?;
        }
        Ok(())
    }
}

/// How lanes number events at level `full` without asking each other: each takes the numbers that have its own rest when
/// they are divided by the number of lanes, rounded up to a power of two. So no two lanes have the same; and with two lanes
/// every other number is left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbering {
    /// The highest number when lanes were stopped last.
    pub(super) floor: u64,
    /// The lanes, rounded up to a power of two, less one.
    pub(super) mask: u64,
}

//! The state of one lane: a page of the arena, whose gate comes first.

use core::cell::UnsafeCell;

use crate::arena::{Arena, ArenaFull};
use crate::counters::{CpuTallies, Kept};
use crate::lock::gate::Gate;
use crate::paged_vec::{Id, PagedVec};
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::recent_frees::RecentFrees;
use crate::stacks::Recent;
use crate::stacks::charge::Charge;

/// Call stacks that a lane has seen last.
const RECENT_STACKS: usize = 128;
/// Frees that a lane remembers, and one.
const RECENT_FREES: usize = 32;

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
    /// The state of a lane that is stopped.
    pub(super) const fn new(number: u8) -> Self {
        Self { gate: Gate::stopped(), number, body: UnsafeCell::new(SlotBody::new()) }
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
    pub(super) kept: Kept,
    pub(super) tallies: CpuTallies,
    charges: PagedVec<Charge, 1>,
    pub(super) recent_stacks: Recent<RECENT_STACKS>,
    pub(super) recent_frees: RecentFrees<RECENT_FREES>,
}

impl SlotBody {
    const fn new() -> Self {
        Self {
            is_dirty: false,
            sequence: 0,
            sequence_end: 0,
            kept: Kept::NONE,
            tallies: CpuTallies::ZERO,
            charges: PagedVec::new(),
            recent_stacks: Recent::new(),
            recent_frees: RecentFrees::new(),
        }
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

//! A slot of the pool: what block it has, or had last, and what of its pages can be touched.

use crate::record::Record;

/// The number of a slot.
pub(super) type Number = u16;
/// No slot.
pub(super) const NONE: Number = Number::MAX;

/// Room for one block.
#[derive(Clone, Copy, Debug)]
#[repr(align(128))]
pub(super) struct Slot {
    /// The block as it was allocated; empty before the first one.
    pub(super) block: Record,
    /// Its free; empty while it is live.
    pub(super) free: Record,
    /// The slot that was freed next.
    pub(super) next: Number,
    pub(super) is_live: bool,
    pub(super) has_memory: bool,
    /// Whether the slot was opened after the free of its block.
    pub(super) is_open: bool,
    /// Whether the guard page behind it was opened.
    pub(super) is_rear_open: bool,
}

impl Slot {
    pub(super) const FRESH: Self = Self {
        block: Record::EMPTY,
        free: Record::EMPTY,
        next: NONE,
        is_live: false,
        has_memory: false,
        is_open: false,
        is_rear_open: false,
    };

    pub(super) fn was_used(&self) -> bool {
        self.block != Record::EMPTY
    }

    pub(super) fn life(&self) -> Life {
        Life { block: self.block, free: (!self.is_live).then_some(self.free) }
    }
}

/// The last block of a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) block: Record,
    /// Its free, unless it is live.
    pub(crate) free: Option<Record>,
}

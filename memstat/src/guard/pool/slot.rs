//! A slot of the pool: the block that it has, or had last, and which of its pages allow access.

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
    /// The next slot on the list of free ones.
    pub(super) next: Number,
    pub(super) is_live: bool,
    pub(super) has_memory: bool,
    /// Whether the slot allows access again since an access after its block's free was reported.
    pub(super) is_open: bool,
    /// Whether the guard page after it allows access, since an access there was reported.
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

/// A slot's block, live or freed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) block: Record,
    /// Its free, unless it is live.
    pub(crate) free: Option<Record>,
}

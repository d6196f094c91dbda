//! The block that an address belongs to, live or freed: the answer to a question about any address.

use crate::recent_frees::CALLERS;
use crate::record::Record;

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockState {
    /// It is live.
    Live,
    /// It was freed and is in quarantine: not given to the backend yet.
    Quarantined,
    /// It was freed. Its memory may be a part of anything by now but a live block that is recorded.
    Freed,
}

/// A block and its free. From [`BlocksView::life_at`](crate::BlocksView::life_at).
#[derive(Clone, Copy, Debug)]
pub struct BlockLife {
    /// The block as it was allocated.
    pub block: Record,
    /// What became of it.
    pub state: BlockState,
    /// Its free, if it was freed. The call stack is 0 where none was recorded.
    pub free: Option<Record>,
    /// The innermost return addresses of its free where only these were remembered; 0 where there is none.
    pub free_callers: [usize; CALLERS],
}

impl BlockLife {
    pub(crate) fn live(block: Record) -> Self {
        Self { block, state: BlockState::Live, free: None, free_callers: [0; CALLERS] }
    }

    pub(crate) fn ended(block: Record, state: BlockState, free: Record) -> Self {
        Self { block, state, free: Some(free), free_callers: [0; CALLERS] }
    }

    /// Whether the address is one of the block's own bytes: not of a red zone, nor of what rounding has added.
    pub fn contains(&self, address: usize) -> bool {
        is_inside(&self.block, address)
    }
}

/// Whether an address is one of a block's bytes; its start is, even of a block without bytes.
pub(crate) fn is_inside(block: &Record, address: usize) -> bool {
    address.wrapping_sub(block.address()) < block.size_bytes().max(1)
}

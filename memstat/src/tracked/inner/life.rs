//! The block that an address belongs to, whether it is live or was freed.

use super::Inner;
use crate::backend::{Backend, Location};
use crate::guard::pool::Life;
use crate::life::{BlockLife, BlockState, is_inside};

impl<B: Backend> Inner<B> {
    /// The live block that `address` belongs to, with its red zones and rounding; or else the one in quarantine; or else the
    /// block among the remembered frees that was freed last.
    pub(in super::super) fn life_at(&self, address: usize) -> Option<BlockLife> {
        if let Some(block) = self.record_around(address) {
            return Some(BlockLife::live(*block));
        }
        if let Some(Life { block, free }) = self.guards.pool.life_at(address) {
            return Some(match free {
                Some(free) => BlockLife::ended(block, BlockState::Freed, free),
                // A reallocation may have charged the block to another stack.
                None => BlockLife::live(self.live.get(block.address()).copied().unwrap_or(block)),
            });
        }
        if let Some(freed) = self.guards.freed.find_quarantined_around(address) {
            return Some(BlockLife::ended(freed.block, BlockState::Quarantined, *freed.free()));
        }
        let location = self.backend.as_ref().map_or(Location::Unknown, |backend| backend.locate(address));
        if let Location::Live { start, .. } = location {
            // One that is not recorded has no life here, and what was there before it is over.
            let block = self.live.get(start).copied().or_else(|| self.owner_of(start));
            return block.map(BlockLife::live);
        }
        if let Some(freed) = self.guards.freed.find_around(address) {
            return Some(BlockLife::ended(freed.block, BlockState::Freed, *freed.free()));
        }
        let own = self.recent_frees.newest_first().find(|free| is_inside(free.block(), address));
        let recent = self.frees_of_lanes().find(|free| is_inside(free.block(), address)).or(own)?;
        let life = BlockLife::ended(*recent.block(), BlockState::Freed, recent.free());
        Some(BlockLife { free_callers: recent.callers(), ..life })
    }
}

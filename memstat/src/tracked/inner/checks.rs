//! Diagnosis of bad frees, and checks of all guards.

use super::Inner;
use crate::backend::{Backend, Location};
use crate::bad_free::{BadFree, BadFreeKind};
use crate::guard::pool::Life;
use crate::guard::red_zones;
use crate::history::{Event, EventKind};
use crate::platform::Platform;
use crate::record::{Guarding, Record};

/// Records that one step of a check looks at.
const RECORDS_AT_ONCE: usize = 32;

/// The result of one step of a check.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct CheckStep {
    /// Where the next step starts; `None` at the end.
    pub(in super::super) next: Option<u64>,
    /// Blocks that were checked.
    pub(in super::super) blocks: u64,
}

impl<B: Backend> Inner<B> {
    /// Whether the backend's block at `address` belongs to a block with another start or in quarantine (see
    /// [`Inner::owner_of`]), or the address lies in the pool: then it must not be freed as a block without a record.
    #[inline]
    pub(super) fn has_owner(&self, address: usize) -> bool {
        let may_have_owner =
            self.guards.statistics.guarded_blocks > 0 || self.guards.freed.quarantined_blocks() > 0;
        self.guards.pool.contains(address) || may_have_owner && self.owner_of(address).is_some()
    }

    /// The live block whose front red zone starts at `address`, or the quarantined block that contains it, red zones
    /// included.
    #[cold]
    #[inline(never)]
    pub(super) fn owner_of(&self, address: usize) -> Option<Record> {
        if self.guards.statistics.guarded_blocks > 0 {
            let fronts = (4..=red_zones::MAX_FRONT_BYTES.ilog2()).map(|log2| 1_usize << log2);
            let live = fronts.filter_map(|front| {
                let record = self.live.get(address.checked_add(front)?)?;
                let own = red_zones::front_bytes(record.guarding(), record.align_bytes());
                (own == front).then_some(*record)
            });
            if let Some(record) = { live }.next() {
                return Some(record);
            }
        }
        if self.guards.freed.quarantined_blocks() == 0 {
            return None;
        }
        self.guards.freed.find_quarantined_around(address).map(|freed| freed.block)
    }

    /// What is wrong with a free of `address`, at which no live block starts.
    pub(in super::super) fn bad_free<P: Platform>(&self, address: usize) -> BadFree {
        let bad = |kind, block, free| BadFree { block, free, ..BadFree::of_unknown(address, kind) };
        if let Some(Life { block, free }) = self.guards.pool.life_at(address) {
            let start = block.address();
            // A reallocation may have charged the block to another stack.
            let block = self.live.get(start).copied().unwrap_or(block);
            let kind = match free {
                None => BadFreeKind::Interior { start },
                Some(_) if start == address => BadFreeKind::DoubleFree,
                Some(_) => BadFreeKind::InsideFreed { start },
            };
            return bad(kind, Some(block), free);
        }
        if let Some(freed) = self.guards.freed.find_quarantined_around(address) {
            let start = freed.block.address();
            let kind =
                if start == address { BadFreeKind::DoubleFree } else { BadFreeKind::InsideFreed { start } };
            return bad(kind, Some(freed.block), Some(*freed.free()));
        }
        let location = self.backend.as_ref().map_or(Location::Unknown, |backend| backend.locate(address));
        if let Location::Live { start, .. } = location {
            let owner = self.live.get(start).copied().or_else(|| self.owner_of(start));
            let start = owner.map_or(start, |record| record.address());
            if start != address {
                return bad(BadFreeKind::Interior { start }, owner, None);
            }
        }
        let is_free = matches!(location, Location::Free { start } if start == address);
        // The history of frees may still have the block.
        if let Some(freed) = self.guards.freed.find(address) {
            return bad(BadFreeKind::DoubleFree, Some(freed.block), Some(*freed.free()));
        }
        if let Some(recent) = self.recent_free::<P>(address) {
            // The event in the history has the sequence number, too.
            let allocation = recent.block().full_sequence(self.sequence);
            let event =
                self.last_life::<P>(address).1.filter(|free| free.is_newer_than(allocation, self.sequence));
            let free = event.unwrap_or_else(|| recent.free());
            return bad(BadFreeKind::DoubleFree, Some(*recent.block()), Some(free));
        }
        if !is_free {
            return bad(BadFreeKind::NeverAllocated, None, None);
        }
        let (block, free) = self.last_life::<P>(address);
        bad(BadFreeKind::DoubleFree, block, free)
    }

    /// The last allocation and the last free of the block at `address` in the history, since it was last switched on.
    fn last_life<P: Platform>(&self, address: usize) -> (Option<Record>, Option<Record>) {
        if !self.keeps_history() {
            return (None, None);
        }
        let (since, latest) = (self.history_since_sequence, self.sequence);
        let of = |kind| {
            move |event: &Event| {
                let record = event.record();
                event.kind() == kind && record.address() == address && record.is_newer_than(since, latest)
            }
        };
        let free = self.newest_event::<P>(of(EventKind::Free));
        let block = self.newest_event::<P>(of(EventKind::Allocate));
        // The event of a free has the stack of the allocation.
        (block.map(|event| *event.record()), free.map(|event| event.record().without_stack()))
    }

    /// Checks the red zones of the live block that starts at `address`, if there is one.
    pub(super) fn check_red_zones_at(&mut self, address: usize) {
        if let Some(record) =
            self.live.get(address).copied().filter(|record| record.guarding() != Guarding::None)
        {
            self.check_red_zones(&record);
        }
    }

    /// Checks the red zones of some live blocks, from position `cursor` in the map on.
    pub(in super::super) fn check_live(&mut self, cursor: u64) -> CheckStep {
        let mut records = [Record::EMPTY; RECORDS_AT_ONCE];
        let (count, next) = self.live.read(cursor, &mut records);
        let mut blocks = 0;
        for record in records.iter().take(count) {
            if record.guarding() == Guarding::None {
                continue;
            }
            if !self.guards.findings.has_room() {
                // The caller reports the findings, and repeats this step. What was found is repaired already.
                return CheckStep { next: Some(cursor), blocks: 0 };
            }
            self.check_red_zones(record);
            blocks += 1;
        }
        CheckStep { next, blocks }
    }

    /// Checks the block number `place` of the quarantine, counted from the newest.
    pub(in super::super) fn check_quarantined(&mut self, place: usize) -> CheckStep {
        let Some(freed) = self.guards.freed.quarantined().nth(place).copied() else {
            return CheckStep { next: None, blocks: 0 };
        };
        self.check_freed(&freed);
        CheckStep { next: Some(place as u64 + 1), blocks: 1 }
    }
}

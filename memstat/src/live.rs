//! The live map: every live block's record, found by its address.
//!
//! Two parts. A dense array of 32-byte records in pages of the arena: freeing a block moves
//! the last record into the hole, so the array stays dense and its pages go back as blocks go away.
//! The index: a trie of small fixed-size hashbrown tables of record numbers, chosen by the upper bits of
//! the address' hash; a full table splits in two and two sparse ones join, so the map grows and shrinks a
//! hundred entries at a time and no operation ever rehashes more than one small table.
//!
//! The order of reading is the order of the hashes, which neither splitting nor the move of a record
//! changes: that is what lets `LiveMap::read` show a block that stays live exactly once, however much
//! happens between two of its steps.

use crate::arena::{Arena, ArenaFull};
use crate::index::{Hash, HashOf, Index};
use crate::paged::{Id, Paged};
use crate::platform::Platform;
use crate::record::Record;

impl HashOf for Paged<Record> {
    #[inline]
    fn hash_of(&self, id: Id) -> Hash {
        Hash::of(self.get(id).address())
    }
}

/// The live blocks.
#[derive(Debug)]
pub(crate) struct LiveMap {
    records: Paged<Record>,
    index: Index,
}

impl LiveMap {
    pub(crate) const fn new() -> Self {
        Self { records: Paged::new(), index: Index::new() }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Enters a record for an address that has none yet. On an error nothing has changed.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        record: Record,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(), ArenaFull> {
        let hash = Hash::of(record.address());
        let id = self.records.push(record, arena, platform)?;
        let entered = self.index.insert(hash, id, &self.records, arena, platform);
        if entered.is_err() {
            self.records.pop(arena, platform);
        }
        entered
    }

    /// The record of the block that starts at `address`.
    #[inline]
    pub(crate) fn get(&self, address: usize) -> Option<&Record> {
        let id = self.index.find(Hash::of(address), |id| self.records.get(id).is_at(address))?;
        Some(self.records.get(id))
    }

    /// The same, to change.
    #[inline]
    pub(crate) fn get_mut(&mut self, address: usize) -> Option<&mut Record> {
        let id = self.index.find(Hash::of(address), |id| self.records.get(id).is_at(address))?;
        Some(self.records.get_mut(id))
    }

    /// Takes the record of the block that starts at `address` out, if it is as `is_wanted`.
    #[inline]
    pub(crate) fn remove_if(
        &mut self,
        address: usize,
        is_wanted: impl Fn(&Record) -> bool,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Option<Record> {
        let records = &self.records;
        let is_it = |id: Id| {
            let record = records.get(id);
            record.is_at(address) && is_wanted(record)
        };
        let id = self.index.remove(Hash::of(address), is_it, records, arena, platform)?;
        let record = *self.records.get(id);
        if id != self.records.last_id() {
            self.fill_hole(id);
        }
        self.records.pop(arena, platform);
        Some(record)
    }

    /// Copies the last record to the place of one that is gone.
    fn fill_hole(&mut self, id: Id) {
        let moved = *self.records.last();
        self.index.renumber(Hash::of(moved.address()), self.records.last_id(), id);
        *self.records.get_mut(id) = moved;
    }

    /// Copies records into `buffer`, starting at the place `cursor` in hash order (0 is the first), and
    /// says how many and where to go on; `None` at the end.
    ///
    /// Work is bounded by one table of the index. A block that is live from the first step to the last
    /// appears exactly once.
    pub(crate) fn read(&self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        let mut end = self.index.table_end(cursor);
        loop {
            let mut count = 0_usize;
            self.index.for_each_in_table(cursor, |id| {
                let record = self.records.get(id);
                let hash = Hash::of(record.address()).bits();
                if hash >= cursor && end.is_none_or(|end| hash < end) {
                    if let Some(slot) = buffer.get_mut(count) {
                        *slot = *record;
                    }
                    count += 1;
                }
            });
            // Too many for the buffer: take the lower half of the interval, then look again. Two blocks never
            // share a hash, so an interval of one ends the search for any buffer.
            let width = end.unwrap_or(u64::MAX) - cursor;
            if count <= buffer.len() || width <= 1 {
                return (count.min(buffer.len()), end);
            }
            end = Some(cursor + width / 2);
        }
    }
}

//! A map of live blocks: each block's record, found by its address.
//!
//! It has two parts. The first is an array of 32-byte records in pages of the arena: when a block is freed, the last
//! record moves into the gap (`swap_remove`), so pages are given back as blocks go away. The second is the index, a trie
//! of small tables of record numbers, chosen by the upper bits of the address's hash; a full table splits in two and two
//! sparse ones join, so no operation ever rehashes more than two small tables.
//!
//! Records are read in the order of their hashes, which neither a split nor the move of a record changes. So
//! `Map::read_if` returns a block that stays live exactly once, whatever happens between two calls.

use core::ptr::NonNull;

use crate::arena::{Arena, ArenaFull};
use crate::index::{Hash, HashOf, Index, ROOT_ENTRIES, SHARD_BITS, Slot, Table};
use crate::paged_vec::{BRANCHES, Id, PagedVec};
use crate::platform::Platform;
use crate::record::Record;

impl<const LIMIT: usize> HashOf for PagedVec<Record, LIMIT> {
    #[inline]
    fn hash_of(&self, id: Id) -> Hash {
        hash::<LIMIT>(self.get(id).address())
    }
}

/// The hash of an address: a shard, which has fewer entries at most, leaves out the bits that its number has.
#[inline]
fn hash<const LIMIT: usize>(address: usize) -> Hash {
    if LIMIT == BRANCHES { Hash::of(address) } else { Hash::in_shard(address) }
}

/// A record, and where it was found; valid until the map changes.
#[derive(Debug)]
pub(crate) struct Found {
    table: NonNull<Table>,
    slot: Slot,
    pub(crate) record: Record,
}

/// Live blocks: all of them, or those of a shard, with a smaller root and room for fewer pages.
#[derive(Debug)]
pub(crate) struct Map<const ROOT: usize = ROOT_ENTRIES, const LIMIT: usize = BRANCHES> {
    records: PagedVec<Record, LIMIT>,
    index: Index<ROOT>,
}

impl<const ROOT: usize, const LIMIT: usize> Map<ROOT, LIMIT> {
    /// No two hashes are closer than this.
    const GRAIN: u64 = if LIMIT == BRANCHES { 1 } else { 1 << SHARD_BITS };

    pub(crate) const fn new() -> Self {
        Self { records: PagedVec::new(), index: Index::new() }
    }

    /// Writes what is not zero at the start. Nothing else may be called before.
    pub(super) fn prepare(&mut self) {
        self.index.prepare();
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
        let hash = hash::<LIMIT>(record.address());
        let id = self.records.push(record, arena, platform)?;
        let entered = self.index.insert(hash, id, &self.records, arena, platform);
        if entered.is_err() {
            self.records.pop(arena, platform);
        }
        entered
    }

    /// As [`Map::insert`], if that takes only a few instructions and no call. Returns whether it did; `record` is called
    /// only then.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn insert_fast(&mut self, address: usize, record: impl FnOnce() -> Record) -> bool {
        let hash = hash::<LIMIT>(address);
        let id = self.records.next_id();
        if !self.records.has_room() {
            return false;
        }
        let Some(table) = self.index.table_mut(hash) else { return false };
        if !table.insert(hash, id) {
            return false;
        }
        self.records.push_fast(record());
        true
    }

    /// The record that was inserted last, mutable.
    #[inline]
    pub(crate) fn last_mut(&mut self) -> &mut Record {
        self.records.last_mut()
    }

    /// Finds the record of the block that starts at `address`, if its removal will not make two tables join.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn find_fast(&mut self, address: usize) -> Option<Found> {
        let hash = hash::<LIMIT>(address);
        let records = &self.records;
        let table = self.index.table_mut(hash)?;
        if table.wants_join_next() {
            return None;
        }
        let slot = table.find(hash, |id| records.get(id).address() == address)?;
        // SAFETY: just found.
        let record = *records.get(unsafe { table.id(slot) });
        Some(Found { slot, record, table: NonNull::from(table) })
    }

    /// Removes the record that was found.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn forget(&mut self, mut found: Found, arena: &mut Arena, platform: &impl Platform) {
        // SAFETY: the map has not changed since; `&mut self` makes the reference the only one.
        let id = unsafe { found.table.as_mut().take(found.slot) };
        if id != self.records.last_id() {
            self.fill_hole(id);
        }
        self.records.pop(arena, platform);
    }

    /// As [`Map::insert`], if that takes nothing from the arena; returns whether it did.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn insert_alone(&mut self, record: Record) -> bool {
        let hash = hash::<LIMIT>(record.address());
        let Some(table) = self.index.table_mut(hash) else { return false };
        if !self.records.can_push_alone() || !table.insert(hash, self.records.next_id()) {
            return false;
        }
        self.records.push_alone(record);
        true
    }

    /// Removes the record that was found, if that gives nothing to the arena; returns whether it did.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn forget_alone(&mut self, mut found: Found) -> bool {
        if !self.records.can_pop_alone() {
            return false;
        }
        // SAFETY: the map has not changed since; `&mut self` makes the reference the only one.
        let id = unsafe { found.table.as_mut().take(found.slot) };
        if id != self.records.last_id() {
            self.fill_hole(id);
        }
        self.records.pop_alone();
        true
    }

    /// The record of the block that starts at `address`.
    #[inline]
    pub(crate) fn get(&self, address: usize) -> Option<&Record> {
        let id = self.index.find(hash::<LIMIT>(address), |id| self.records.get(id).address() == address)?;
        Some(self.records.get(id))
    }

    /// The same, mutable.
    #[inline]
    pub(crate) fn get_mut(&mut self, address: usize) -> Option<&mut Record> {
        let id = self.index.find(hash::<LIMIT>(address), |id| self.records.get(id).address() == address)?;
        Some(self.records.get_mut(id))
    }

    /// The record at a place of the dense array, to change. When a block goes, the last record moves to its place.
    #[inline]
    pub(super) fn nth_mut(&mut self, number: usize) -> Option<&mut Record> {
        (number < self.records.len()).then(|| self.records.get_mut(Id(number as u32)))
    }

    /// Removes and returns the record of the block that starts at `address`, if it `is_wanted`.
    #[inline]
    pub(crate) fn remove_if(
        &mut self,
        address: usize,
        is_wanted: impl Fn(&Record) -> bool,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Option<Record> {
        let records = &self.records;
        let mut found = None;
        let is_it = |id: Id| {
            let record = records.get(id);
            let is_it = record.address() == address && is_wanted(record);
            if is_it {
                found = Some(record);
            }
            is_it
        };
        let id = self.index.remove(hash::<LIMIT>(address), is_it, records, arena, platform)?;
        let record = *found?;
        if id != self.records.last_id() {
            self.fill_hole(id);
        }
        self.records.pop(arena, platform);
        Some(record)
    }

    /// Moves the last record to the place of one that was removed.
    #[inline(never)]
    fn fill_hole(&mut self, id: Id) {
        let moved = *self.records.last();
        self.index.renumber(hash::<LIMIT>(moved.address()), self.records.last_id(), id);
        *self.records.get_mut(id) = moved;
    }

    /// Copies records that are `is_wanted` into `buffer`, starting at the place `cursor` in hash order (0 is the
    /// first), and says how many and where to go on; `None` at the end.
    ///
    /// Work is bounded by one table of the index. A block that is live from the first step to the last
    /// appears exactly once.
    pub(crate) fn read_if(
        &self,
        cursor: u64,
        buffer: &mut [Record],
        is_wanted: impl Fn(&Record) -> bool,
    ) -> (usize, Option<u64>) {
        let mut end = self.index.table_end(cursor);
        loop {
            let mut count = 0_usize;
            self.index.for_each_in_table(cursor, |id| {
                let record = self.records.get(id);
                let hash = hash::<LIMIT>(record.address()).bits();
                if hash >= cursor && end.is_none_or(|end| hash < end) && is_wanted(record) {
                    if let Some(slot) = buffer.get_mut(count) {
                        *slot = *record;
                    }
                    count += 1;
                }
            });
            // Too many for the buffer: take the lower half of the interval, then look again. Two blocks never
            // share a hash, so an interval of one ends the search for any buffer.
            let width = end.unwrap_or(u64::MAX) - cursor;
            if count <= buffer.len() || width <= Self::GRAIN {
                return (count.min(buffer.len()), end);
            }
            end = Some(cursor + width / 2 / Self::GRAIN * Self::GRAIN);
        }
    }
}

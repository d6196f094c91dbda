//! A map of live blocks: each block's record, found by its address.
//!
//! It has two parts. The first is an array of 32-byte records in pages of the arena. When a block is freed, its place
//! becomes a hole, which the next block takes. Once there are many holes, the last record moves into each new one
//! (`swap_remove`), so pages are given back as blocks go away; while blocks come and go, no record moves. The second is
//! the index, a trie of small tables of record numbers, chosen by the upper bits of the address's hash; a full table
//! splits in two and two sparse ones join, so no operation ever rehashes more than two small tables.
//!
//! Records are read in the order of their hashes, which neither a split nor the move of a record changes. So
//! `Map::read_if` returns a block that stays live exactly once, whatever happens between two calls.

use core::hint::assert_unchecked;
use core::ptr::{NonNull, null_mut};

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
pub(crate) struct Entry {
    table: NonNull<Table>,
    slot: Slot,
    /// The number of its place.
    id: Id,
    /// Where it is; nobody else refers to it.
    pub(crate) place: *mut Record,
    pub(crate) record: Record,
}

/// Maximum number of holes. So many records may lie unused; with fewer, records move more often while blocks come and go:
/// a move takes some 65 instructions.
const MAX_HOLES: usize = 64;

/// Holes that are made at once where there are none.
const OPENED_HOLES: usize = 48;

/// The address of a place in the array without a block. Its record has the address 0, and the number of the place.
type Hole = *mut Record;

/// Live blocks: all of them, or those of a shard, with a smaller root and room for fewer pages.
#[derive(Debug)]
pub(crate) struct Map<const ROOT: usize = ROOT_ENTRIES, const LIMIT: usize = BRANCHES> {
    records: PagedVec<Record, LIMIT>,
    holes: [Hole; MAX_HOLES],
    hole_count: usize,
    index: Index<ROOT>,
}

// SAFETY: the holes lie in pages of this map alone.
unsafe impl<const ROOT: usize, const LIMIT: usize> Send for Map<ROOT, LIMIT> {}

impl<const ROOT: usize, const LIMIT: usize> Map<ROOT, LIMIT> {
    /// No two hashes are closer than this.
    const GRAIN: u64 = if LIMIT == BRANCHES { 1 } else { 1 << SHARD_BITS };

    pub(crate) const fn new() -> Self {
        Self { records: PagedVec::new(), holes: [null_mut(); MAX_HOLES], hole_count: 0, index: Index::new() }
    }

    /// Writes what is not zero at the start. Nothing else may be called before.
    pub(super) fn prepare(&mut self) {
        self.index.prepare();
    }

    /// How many blocks there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.records.len() - self.hole_count
    }

    /// How many places there are, with a block or without.
    pub(super) fn places(&self) -> usize {
        self.records.len()
    }

    /// The hole that the next record goes to, and the number of its place; there must be one.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    fn last_hole(&self) -> (Hole, Id) {
        // SAFETY: holes are added only where there is room for them. The caller has made sure that there is one.
        unsafe { assert_unchecked(self.hole_count != 0 && self.hole_count <= MAX_HOLES) };
        let hole = self.holes[self.hole_count - 1];
        // SAFETY: a hole is a place in this map's array, which nobody else refers to.
        (hole, Id(unsafe { &*hole }.number_of_vacant()))
    }

    /// Enters a record for an address that has none yet. On an error nothing has changed, but that there may be more holes.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        record: Record,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(), ArenaFull> {
        self.make_slack(record.address(), arena, platform);
        self.insert_deferring_growth(record, arena, platform)
    }

    /// Makes room in the table for a block at `address`, unless it has more than the slack. Returns whether it did.
    #[inline]
    pub(crate) fn make_slack(&mut self, address: usize, arena: &mut Arena, platform: &impl Platform) -> bool {
        self.index.make_slack(hash::<LIMIT>(address), &self.records, arena, platform)
    }

    /// As [`Map::insert`], but splits no table that has any room: for an operation that has had an expensive step already.
    #[inline]
    pub(crate) fn insert_deferring_growth(
        &mut self,
        record: Record,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(), ArenaFull> {
        if self.hole_count == 0 {
            self.open_holes(arena, platform)?;
        }
        let hash = hash::<LIMIT>(record.address());
        let (hole, id) = self.last_hole();
        self.index.insert(hash, id, &self.records, arena, platform)?;
        self.hole_count -= 1;
        // SAFETY: as in `last_hole`.
        unsafe { hole.write(record) };
        Ok(())
    }

    /// Appends places to the array. Several at a time, as the fast path takes holes only.
    #[cold]
    #[inline(never)]
    fn open_holes(&mut self, arena: &mut Arena, platform: &impl Platform) -> Result<(), ArenaFull> {
        // SAFETY: of a hole only the words are read that are written here, until it has a record.
        let (first, mut place, count) = unsafe { self.records.push_some(OPENED_HOLES, arena, platform) }?;
        // The first is taken first, so that the array is filled in order.
        for (number, hole) in (first.0..).zip(self.holes[..count.min(MAX_HOLES)].iter_mut().rev()) {
            *hole = place;
            // SAFETY: a place in this map's array, which nobody refers to.
            unsafe { &mut *place }.vacate(number);
            place = place.wrapping_add(1);
        }
        self.hole_count = count;
        Ok(())
    }

    /// As [`Map::insert`], if that takes only a few instructions and no call; else `None`. `record` is called only if it
    /// does.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn insert_fast(
        &mut self,
        address: usize,
        record: impl FnOnce() -> Record,
    ) -> Option<NonNull<Record>> {
        if self.hole_count == 0 {
            return None;
        }
        let (hole, id) = self.last_hole();
        let hash = hash::<LIMIT>(address);
        if !self.index.table_mut(hash)?.insert_early(hash, id) {
            return None;
        }
        self.hole_count -= 1;
        // SAFETY: as in `last_hole`; a place is not null.
        unsafe {
            hole.write(record());
            Some(NonNull::new_unchecked(hole))
        }
    }

    /// Finds the record of the block that starts at `address`, if its removal will not make two tables join.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn find_fast(&mut self, address: usize) -> Option<Entry> {
        let hash = hash::<LIMIT>(address);
        let records = &self.records;
        let table = self.index.table_mut(hash)?;
        if table.wants_join_next() {
            return None;
        }
        let slot = table.find(hash, |id| records.get(id).address() == address)?;
        // SAFETY: just found.
        let id = unsafe { table.id(slot) };
        let place = records.slot(id);
        // SAFETY: the record of an entry is there.
        Some(Entry { slot, id, place, record: unsafe { *place }, table: NonNull::from(table) })
    }

    /// Removes the record that was found.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn forget(&mut self, mut found: Entry, arena: &mut Arena, platform: &impl Platform) {
        // SAFETY: the map has not changed since; `&mut self` makes the reference the only one.
        unsafe { found.table.as_mut().take(found.slot) };
        self.vacate(found.id, found.place, arena, platform);
    }

    /// Makes the place of a record that has left the index a hole.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    fn vacate(&mut self, id: Id, place: *mut Record, arena: &mut Arena, platform: &impl Platform) {
        if self.hole_count < MAX_HOLES {
            self.add_hole(id, place);
        } else {
            self.fill_hole(id, place);
            self.records.pop(arena, platform);
            if self.records.len() == MAX_HOLES {
                self.records.give_spare_page(arena, platform);
            }
        }
    }

    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    fn add_hole(&mut self, id: Id, place: *mut Record) {
        let Some(hole) = self.holes.get_mut(self.hole_count) else { return };
        *hole = place;
        self.hole_count += 1;
        // SAFETY: a place in this map's array, which nobody refers to.
        unsafe { &mut *place }.vacate(id.0);
    }

    /// Removes the record that was found, if that gives nothing to the arena; returns whether it did.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn forget_alone(&mut self, mut found: Entry) -> bool {
        if self.hole_count == MAX_HOLES
            && (!self.records.can_pop_alone() || self.records.len() == MAX_HOLES + 1)
        {
            return false;
        }
        // SAFETY: the map has not changed since; `&mut self` makes the reference the only one.
        unsafe { found.table.as_mut().take(found.slot) };
        if self.hole_count < MAX_HOLES {
            self.add_hole(found.id, found.place);
        } else {
            self.fill_hole(found.id, found.place);
            self.records.pop_alone();
        }
        true
    }

    /// Gives the record that was found another address, and all else of `record`: the block has moved. False if that takes
    /// more than a few instructions; nothing has changed then.
    pub(crate) fn relocate(&mut self, mut found: Entry, record: Record) -> bool {
        let hash = hash::<LIMIT>(record.address());
        if !self.index.table_mut(hash).is_some_and(|table| table.insert(hash, found.id)) {
            return false;
        }
        // SAFETY: the map has not changed since it was found, but for an insertion, which moves no entry. It may be the same
        // table, but the reference to it has ended.
        unsafe {
            found.table.as_mut().take(found.slot);
            found.place.write(record);
        }
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

    /// The record at a place of the array, to change, if there is one. When a block goes, the last record may move to its
    /// place.
    #[inline]
    pub(super) fn nth_mut(&mut self, number: usize) -> Option<&mut Record> {
        let record = (number < self.records.len()).then(|| self.records.get_mut(Id(number as u32)));
        record.filter(|record| record.address() != 0)
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
        self.vacate(id, self.records.slot(id), arena, platform);
        Some(record)
    }

    /// Makes the last place of the array one that is not needed any more: its record moves into the hole; if it is a hole
    /// itself, this one is kept instead.
    #[inline(never)]
    fn fill_hole(&mut self, id: Id, place: *mut Record) {
        let last_id = self.records.last_id();
        if id == last_id {
            return;
        }
        let last = self.records.last();
        if last.address() != 0 {
            // SAFETY: a place in this map's array, which nobody refers to, and not the last.
            unsafe { place.write(*last) };
            self.index.renumber(hash::<LIMIT>(last.address()), last_id, id);
            return;
        }
        let last: *const Record = last;
        if let Some(other) = self.holes.iter_mut().find(|other| last == **other) {
            *other = place;
            // SAFETY: as above.
            unsafe { &mut *place }.vacate(id.0);
        }
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

#[cfg(test)]
mod tests;

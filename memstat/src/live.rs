//! The live map: every live block's record, found by its address.
//!
//! It is one [`Map`], behind the tracker's lock, or, where several CPUs or threads work at once, one in [`Shards`], each
//! with a lock of its own. The methods here are for those who hold the tracker's lock, and so exclude all others.

use core::ptr::{NonNull, null_mut};

use crate::arena::{Arena, ArenaFull};
use crate::index::SHARD_BITS;
use crate::platform::Platform;
use crate::record::Record;

mod map;
pub(crate) mod shards;

pub(crate) use map::{Entry, Map};
use shards::{SHARDS, ShardMap, Shards};

/// Bits of a place that say which record of its shard it is.
const PLACE_BITS: u32 = 26;
/// The bits of a cursor below the shard's number.
const CURSOR_BITS: u32 = u64::BITS - SHARD_BITS;

/// A record that was found on a fast path; valid until the map changes.
pub(crate) struct Found {
    pub(crate) entry: Entry,
    /// The map of the shard that has it, where there are shards.
    map: *mut ShardMap,
}

/// The live blocks.
#[derive(Debug)]
pub(crate) struct LiveMap {
    /// All of them, unless they are in shards.
    one: Map,
    shards: Shards,
    is_sharded: bool,
}

impl LiveMap {
    pub(crate) const fn new() -> Self {
        Self { one: Map::new(), shards: Shards::new(), is_sharded: false }
    }

    /// Writes what is not zero at the start.
    pub(crate) fn prepare(&mut self, is_sharded: bool) {
        self.is_sharded = is_sharded;
        self.one.prepare();
    }

    /// The shards, for those who hold their locks.
    #[inline]
    pub(crate) fn shards(&self) -> &Shards {
        &self.shards
    }

    fn map(&self, number: usize) -> Option<&ShardMap> {
        // SAFETY: who holds the tracker's lock excludes those who go by the shards' own locks; `&self` keeps the map
        // from changing.
        self.shards.get(number).map(|shard| unsafe { &*shard.map() })
    }

    #[inline]
    fn map_mut(&mut self, number: usize) -> Option<&mut ShardMap> {
        // SAFETY: as in `map`; `&mut self` makes the reference the only one.
        self.shards.get(number).map(|shard| unsafe { &mut *shard.map() })
    }

    pub(crate) fn len(&self) -> usize {
        if !self.is_sharded {
            return self.one.len();
        }
        (0..SHARDS).filter_map(|number| self.map(number)).map(Map::len).sum()
    }

    /// Whether there is no record, as far as a look says.
    #[inline]
    pub(crate) fn is_clearly_empty(&self) -> bool {
        !self.is_sharded && self.one.len() == 0
    }

    /// As [`Map::insert_fast`].
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn insert_fast<P: Platform>(
        &mut self,
        address: usize,
        record: impl FnOnce() -> Record,
    ) -> Option<NonNull<Record>> {
        if P::LANES == 1 {
            return self.one.insert_fast(address, record);
        }
        self.map_mut(Shards::number_of(address))?.insert_fast(address, record)
    }

    /// As [`Map::find_fast`].
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn find_fast<P: Platform>(&mut self, address: usize) -> Option<Found> {
        if P::LANES == 1 {
            return Some(Found { entry: self.one.find_fast(address)?, map: null_mut() });
        }
        let map = self.map_mut(Shards::number_of(address))?;
        Some(Found { entry: map.find_fast(address)?, map })
    }

    /// Removes the record that was found.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(crate) fn forget<P: Platform>(&mut self, found: Found, arena: &mut Arena, platform: &P) {
        if P::LANES == 1 {
            return self.one.forget(found.entry, arena, platform);
        }
        // SAFETY: the shard's map, which stays where it is; `&mut self` makes the reference the only one.
        unsafe { &mut *found.map }.forget(found.entry, arena, platform);
    }

    /// As [`Map::relocate`]: gives the record that was found another address, and all else of `record`.
    pub(crate) fn relocate<P: Platform>(
        &mut self,
        found: Found,
        record: Record,
        arena: &mut Arena,
        platform: &P,
    ) -> bool {
        if P::LANES == 1 {
            return self.one.relocate(found.entry, record);
        }
        let Some(map) = self.map_mut(Shards::number_of(record.address())) else { return false };
        if core::ptr::eq(map, found.map) {
            return map.relocate(found.entry, record);
        }
        let is_entered = map.insert_fast(record.address(), || record).is_some();
        if is_entered {
            self.forget(found, arena, platform);
        }
        is_entered
    }

    /// As [`Map::make_slack`] where there is one map.
    #[inline]
    pub(crate) fn make_slack<P: Platform>(
        &mut self,
        address: usize,
        arena: &mut Arena,
        platform: &P,
    ) -> bool {
        P::LANES == 1 && self.one.make_slack(address, arena, platform)
    }

    /// Inserts a record for an address that has none, by [`Map::insert_deferring_growth`] where there is one map. On an error
    /// nothing has changed.
    #[inline]
    pub(crate) fn insert_deferring_growth<P: Platform>(
        &mut self,
        record: Record,
        arena: &mut Arena,
        platform: &P,
    ) -> Result<(), ArenaFull> {
        // A constant, so a platform has the code for one of both only.
        if P::LANES == 1 {
            return self.one.insert_deferring_growth(record, arena, platform);
        }
        let shard = self.shards.of_or_new(record.address(), arena, platform)?;
        // SAFETY: as in `map_mut`.
        unsafe { &mut *shard.map() }.insert(record, arena, platform)
    }

    /// The record of the block that starts at `address`.
    #[inline(never)]
    pub(crate) fn get(&self, address: usize) -> Option<&Record> {
        if self.is_sharded {
            self.map(Shards::number_of(address))?.get(address)
        } else {
            self.one.get(address)
        }
    }

    /// As [`LiveMap::get`], mutable.
    #[inline(never)]
    pub(crate) fn get_mut(&mut self, address: usize) -> Option<&mut Record> {
        if self.is_sharded {
            self.map_mut(Shards::number_of(address))?.get_mut(address)
        } else {
            self.one.get_mut(address)
        }
    }

    /// Removes and returns the record of the block that starts at `address`, if `is_wanted` is true for it.
    #[inline]
    pub(crate) fn remove_if<P: Platform>(
        &mut self,
        address: usize,
        is_wanted: impl Fn(&Record) -> bool,
        arena: &mut Arena,
        platform: &P,
    ) -> Option<Record> {
        if P::LANES == 1 {
            self.one.remove_if(address, is_wanted, arena, platform)
        } else {
            self.map_mut(Shards::number_of(address))?.remove_if(address, is_wanted, arena, platform)
        }
    }

    /// A place behind all records, where a walk from the last to the first begins. When a block goes, the last record
    /// of its map may move to its place: so what lies behind is seen twice rather than never.
    pub(crate) fn end(&self) -> usize {
        if self.is_sharded { SHARDS << PLACE_BITS } else { self.one.places() }
    }

    /// The place before the place `behind`, if there is one. It may have no record.
    #[inline]
    pub(crate) fn before(&self, behind: usize) -> Option<usize> {
        if !self.is_sharded {
            return behind.min(self.one.places()).checked_sub(1);
        }
        let behind = behind.min(self.end());
        let (first, within) = (behind >> PLACE_BITS, behind % (1 << PLACE_BITS));
        let place = |number: usize, within: usize| {
            let within = within.min(self.map(number)?.places());
            Some(number << PLACE_BITS | within.checked_sub(1)?)
        };
        place(first, within).or_else(|| (0..first).rev().find_map(|number| place(number, usize::MAX)))
    }

    /// The record at a place, if there is one, mutable.
    #[inline]
    pub(crate) fn nth_mut(&mut self, place: usize) -> Option<&mut Record> {
        if self.is_sharded {
            self.map_mut(place >> PLACE_BITS)?.nth_mut(place % (1 << PLACE_BITS))
        } else {
            self.one.nth_mut(place)
        }
    }

    /// Copies records into `buffer` in hash order, starting at `cursor` (0 for the first call). Returns how many were copied,
    /// and the cursor of the next call, `None` at the end.
    ///
    /// One call reads one table of the index at most. A block that is live from the first call to the last appears exactly
    /// once.
    pub(crate) fn read(&self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        self.read_if(cursor, buffer, |_| true)
    }

    /// As [`LiveMap::read`], for the records for which `is_wanted` is true.
    pub(crate) fn read_if(
        &self,
        cursor: u64,
        buffer: &mut [Record],
        is_wanted: impl Fn(&Record) -> bool,
    ) -> (usize, Option<u64>) {
        if !self.is_sharded {
            return self.one.read_if(cursor, buffer, is_wanted);
        }
        let first = (cursor >> CURSOR_BITS) as usize;
        let Some((number, map)) = (first..SHARDS).find_map(|number| Some((number, self.map(number)?))) else {
            return (0, None);
        };
        // The hashes in a shard have zeros where a cursor has the shard's number.
        let from = if number == first { cursor << SHARD_BITS } else { 0 };
        let (count, next) = map.read_if(from, buffer, is_wanted);
        let start = |number: usize| (number as u64) << CURSOR_BITS;
        let next = match next {
            Some(hash) => Some(start(number) | hash >> SHARD_BITS),
            None => (number + 1 < SHARDS).then(|| start(number + 1)),
        };
        (count, next)
    }
}

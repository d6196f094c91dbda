//! A table for the hot path: groups of eight slots, found by a tag of one byte a slot.
//!
//! An entry lies in its group or, if that was full, in the neighbour group or the table's small stash, which are
//! looked at only for groups that overflowed. So there are no chains and no tombstones: to take an entry out is
//! to write a zero. The eight tags of a group are compared at once in one 64-bit word, without vector registers
//! (Lamport, Multiple byte processing with full-word instructions, 1975).
//!
//! Compared with hashbrown's table, as the kernel must build it, this takes 46 instructions less for one
//! insertion and one removal.

use core::ptr::NonNull;

use super::{Hash, HashOf, Table};
use crate::paged::Id;

const GROUPS: usize = 16;
const GROUP_SLOTS: usize = 8;
const SLOTS: usize = GROUPS * GROUP_SLOTS;
const STASH: usize = 8;
/// With this many entries a table splits: three quarters of its slots, so that few groups overflow.
const MOST_LEN: u16 = 96;
/// A table that could not join asks again when it has this many entries less.
const STEPS_OF_PATIENCE: u16 = 8;

/// The upper bit of each byte.
const UPPER_BITS: u64 = 0x8080_8080_8080_8080;
const LOWER_BITS: u64 = 0x0101_0101_0101_0101;

/// The table.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct GroupTable {
    /// From 1 to 127 for a slot in use, 0 for an empty one.
    tags: [[u8; GROUP_SLOTS]; GROUPS],
    ids: [u32; SLOTS],
    stash: [u32; STASH],
    depth: u32,
    len: u16,
    /// With less entries than this the table asks for a join.
    floor: u16,
    stash_len: u8,
    /// Bit i is set if entries of group i may lie in its neighbour or in the stash.
    overflowed: u16,
}

const _: () = assert!(size_of::<GroupTable>() <= super::TABLE_SIZE_BYTES);

/// The bits of a hash that are below those of the trie.
#[inline]
fn group_of(hash: Hash) -> usize {
    (hash.bits() as u32 >> 28) as usize
}

#[inline]
fn tag_of(hash: Hash) -> u8 {
    (hash.bits() as u32 >> 21) as u8 & 0x7e | 1
}

fn floor_of(depth: u32) -> u16 {
    if depth == 0 { 0 } else { super::SPARSE as u16 }
}

impl GroupTable {
    /// Bit 8i + 7 is set where slot i of the group has this tag. As all bytes are below 128, no byte borrows from
    /// the next, and the answer is exact.
    #[inline]
    fn matches(&self, group: usize, tag: u8) -> u64 {
        let differences = u64::from_le_bytes(self.tags[group]) ^ (u64::from(tag) * LOWER_BITS);
        (UPPER_BITS - differences) & UPPER_BITS
    }

    /// The slot of the lowest bit that is set.
    #[inline]
    fn first(group: usize, matches: u64) -> usize {
        group * GROUP_SLOTS + matches.trailing_zeros() as usize / 8 % GROUP_SLOTS
    }

    /// The slot that most probably has the entry with this hash: the first of its group with the right tag.
    #[inline]
    pub(crate) fn guess_slot(&self, hash: Hash) -> Option<usize> {
        let group = group_of(hash);
        let matches = self.matches(group, tag_of(hash));
        (matches != 0).then(|| Self::first(group, matches))
    }

    /// The entry in a slot.
    #[inline]
    pub(crate) fn id(&self, slot: usize) -> Id {
        Id(self.ids[slot])
    }

    /// The slot with this hash that `is_wanted`, outside of the stash.
    fn find_slot(&self, hash: Hash, mut is_wanted: impl FnMut(Id) -> bool) -> Option<usize> {
        let home = group_of(hash);
        let mut group = home;
        loop {
            let mut matches = self.matches(group, tag_of(hash));
            while matches != 0 {
                let slot = Self::first(group, matches);
                if is_wanted(Id(self.ids[slot])) {
                    return Some(slot);
                }
                matches &= matches - 1;
            }
            if group != home || self.overflowed >> home & 1 == 0 {
                return None;
            }
            group ^= 1;
        }
    }

    #[cold]
    #[inline(never)]
    fn find_in_stash(&self, hash: Hash, mut is_wanted: impl FnMut(Id) -> bool) -> Option<usize> {
        if self.overflowed >> group_of(hash) & 1 == 0 {
            return None;
        }
        self.stashed().iter().position(|&id| is_wanted(Id(id)))
    }

    fn stashed(&self) -> &[u32] {
        self.stash.get(..usize::from(self.stash_len)).unwrap_or_default()
    }

    #[cold]
    #[inline(never)]
    fn insert_into_stash(&mut self, id: Id) -> bool {
        if self.len >= MOST_LEN {
            return false;
        }
        let Some(place) = self.stash.get_mut(usize::from(self.stash_len)) else { return false };
        *place = id.0;
        self.stash_len += 1;
        self.len += 1;
        true
    }

    #[cold]
    #[inline(never)]
    fn remove_from_stash(&mut self, hash: Hash, is_wanted: impl FnMut(Id) -> bool) -> Option<Id> {
        let place = self.find_in_stash(hash, is_wanted)?;
        let id = self.stash[place];
        self.stash_len -= 1;
        self.stash[place] = self.stash[usize::from(self.stash_len)];
        self.len -= 1;
        Some(Id(id))
    }

    /// Takes the entry in a slot out.
    #[inline]
    pub(crate) fn empty(&mut self, slot: usize) -> Id {
        self.tags[slot / GROUP_SLOTS][slot % GROUP_SLOTS] = 0;
        self.len -= 1;
        Id(self.ids[slot])
    }

    /// Enters a number if its group or the neighbour has room; says whether it did.
    #[inline]
    pub(crate) fn insert_into_group(&mut self, hash: Hash, id: Id) -> bool {
        let mut group = group_of(hash);
        let mut empties = self.matches(group, 0);
        if empties == 0 {
            self.overflowed |= 1 << group;
            group ^= 1;
            empties = self.matches(group, 0);
        }
        let has_room = empties != 0 && self.len < MOST_LEN;
        if has_room {
            self.put(Self::first(group, empties), tag_of(hash), id.0);
        }
        has_room
    }

    /// Whether the table asks for a join once it has an entry less.
    #[inline]
    pub(crate) fn wants_join_next(&self) -> bool {
        self.len <= self.floor
    }

    #[inline]
    fn put(&mut self, slot: usize, tag: u8, id: u32) {
        self.tags[slot / GROUP_SLOTS][slot % GROUP_SLOTS] = tag;
        self.ids[slot] = id;
        self.len += 1;
    }

    fn set_depth(&mut self, depth: u32) {
        self.depth = depth;
        self.floor = floor_of(depth);
    }
}

impl Table for GroupTable {
    unsafe fn write_into(cell: NonNull<u8>, depth: u32) -> NonNull<Self> {
        let table = cell.cast::<Self>();
        // SAFETY: the cell is large and aligned enough and ours alone. Of the ids none is read before its tag
        // is written, but they must be initialised.
        unsafe {
            table.write(Self {
                tags: [[0; GROUP_SLOTS]; GROUPS],
                ids: [0; SLOTS],
                stash: [0; STASH],
                depth,
                len: 0,
                floor: floor_of(depth),
                stash_len: 0,
                overflowed: 0,
            });
        }
        table
    }

    #[inline]
    fn depth(&self) -> u32 {
        self.depth
    }

    #[inline]
    fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn find(&self, hash: Hash, mut is_wanted: impl FnMut(Id) -> bool) -> Option<Id> {
        if let Some(slot) = self.find_slot(hash, &mut is_wanted) {
            return Some(Id(self.ids[slot]));
        }
        self.find_in_stash(hash, is_wanted).map(|place| Id(self.stash[place]))
    }

    #[inline]
    fn insert(&mut self, hash: Hash, id: Id) -> bool {
        self.insert_into_group(hash, id) || self.insert_into_stash(id)
    }

    #[inline]
    fn remove(&mut self, hash: Hash, mut is_wanted: impl FnMut(Id) -> bool) -> Option<Id> {
        let Some(slot) = self.find_slot(hash, &mut is_wanted) else {
            return self.remove_from_stash(hash, is_wanted);
        };
        Some(self.empty(slot))
    }

    #[inline]
    fn renumber(&mut self, hash: Hash, from: Id, to: Id) {
        if let Some(slot) = self.find_slot(hash, |id| id == from) {
            self.ids[slot] = to.0;
        } else if let Some(place) = self.find_in_stash(hash, |id| id == from) {
            self.stash[place] = to.0;
        }
    }

    #[inline]
    fn wants_join(&self) -> bool {
        self.len < self.floor
    }

    fn put_off_join(&mut self) {
        self.floor = self.len.saturating_sub(STEPS_OF_PATIENCE);
    }

    fn for_each(&self, mut visit: impl FnMut(Id)) {
        let slots = self.tags.as_flattened().iter().zip(&self.ids);
        slots.filter(|(tag, _)| **tag != 0).for_each(|(_, &id)| visit(Id(id)));
        self.stashed().iter().for_each(|&id| visit(Id(id)));
    }

    fn split_into(&mut self, upper: &mut Self, elements: &impl HashOf) {
        let bit = super::bit_below(self.depth);
        self.set_depth(self.depth + 1);
        upper.overflowed = self.overflowed;
        for slot in 0..SLOTS {
            let tag = self.tags[slot / GROUP_SLOTS][slot % GROUP_SLOTS];
            let id = self.ids[slot];
            // The group's number and the tag do not depend on the depth: the entry keeps its slot.
            if tag != 0 && elements.hash_of(Id(id)).bits() & bit != 0 {
                self.empty(slot);
                upper.put(slot, tag, id);
            }
        }
        let (stash, stash_len) = (self.stash, usize::from(self.stash_len));
        self.len -= u16::from(self.stash_len);
        self.stash_len = 0;
        for &id in stash.iter().take(stash_len) {
            let hash = elements.hash_of(Id(id));
            let half = if hash.bits() & bit == 0 { &mut *self } else { &mut *upper };
            // There is room: no more come back to a stash than were in this one.
            half.insert(hash, Id(id));
        }
    }

    fn can_absorb(&self, neighbour: &Self) -> bool {
        let used =
            |groups: &[[u8; GROUP_SLOTS]]| groups.as_flattened().iter().filter(|tag| **tag != 0).count();
        let excess = |(one, other)| (used(one) + used(other)).saturating_sub(2 * GROUP_SLOTS);
        let excess: usize = self.tags.chunks(2).zip(neighbour.tags.chunks(2)).map(excess).sum();
        usize::from(self.stash_len) + usize::from(neighbour.stash_len) + excess <= STASH
    }

    fn absorb(&mut self, neighbour: &Self, elements: &impl HashOf) {
        self.set_depth(self.depth - 1);
        neighbour.for_each(|id| {
            self.insert(elements.hash_of(id), id);
        });
    }
}

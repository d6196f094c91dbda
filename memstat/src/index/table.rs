//! One table of the index: a hashbrown table of numbers that never grows, in a cell of the arena.
//!
//! A table that is full splits, or is written anew if most of its entries are tombstones; so hashbrown never
//! rehashes. It has 64 slots: with 128 the dearest operation takes half as much again, and no pair gets cheaper. The
//! compiler knows the number of slots, which saves five instructions a pair, for the masks.

use core::alloc::Layout;
use core::hint::assert_unchecked;
use core::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};
use hashbrown::HashTable;

use super::{Hash, HashOf};
use crate::paged_vec::Id;

const SLOTS: usize = 64;
/// Entries that fit, at hashbrown's load of seven eighths of its slots.
const CAPACITY: usize = SLOTS / 8 * 7;

/// A full table with at least this many entries splits; with fewer, the rest are tombstones, and it is written anew.
const MIN_SPLIT: usize = CAPACITY * 3 / 4;
/// A table with fewer entries than this checks whether it can join its neighbour...
const SPARSE: u32 = 20;
/// ...and does if both together have at most this many.
const MAX_JOINED: usize = 40;
/// A table that could not join asks again when it has this many entries less.
const STEPS_OF_PATIENCE: u32 = 5;

/// Bytes of the cell that a table takes: ten to a page.
pub(super) const TABLE_SIZE_BYTES: usize = STORAGE_OFFSET + STORAGE_SIZE_BYTES;
/// Numbers, one control byte a slot, and a group of control bytes once more (16 with SSE2, 8 without).
const STORAGE_SIZE_BYTES: usize = SLOTS * size_of::<u32>() + SLOTS + 16;
const STORAGE_OFFSET: usize = size_of::<Table>().next_multiple_of(16);

const _: () = assert!(TABLE_SIZE_BYTES <= 400);

/// Gives hashbrown the memory behind the table's head, once.
#[derive(Clone, Copy, Debug)]
struct Storage {
    start: NonNull<u8>,
}

// SAFETY: the memory behind `start` is the cell's, lives as long as the table, and hashbrown asks for one
// block at a time: `write_into` lets it ask just once.
unsafe impl Allocator for Storage {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() > STORAGE_SIZE_BYTES || layout.align() > 16 {
            return Err(AllocError);
        }
        Ok(NonNull::slice_from_raw_parts(self.start, layout.size()))
    }

    unsafe fn deallocate(&self, _block: NonNull<u8>, _layout: Layout) {}
}

/// The slot of an entry, until the table changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot(usize);

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    numbers: HashTable<u32, Storage>,
    /// The number of upper hash bits that all entries share.
    depth: u32,
    /// With less entries than this the table asks for a join.
    floor: u32,
}

impl Table {
    /// Makes an empty table of this depth in a cell.
    ///
    /// # Safety
    ///
    /// `cell` has [`TABLE_SIZE_BYTES`] bytes, aligned to 16, that are nobody else's while the table lives.
    pub(super) unsafe fn write_into(cell: NonNull<u8>, depth: u32) -> NonNull<Self> {
        // SAFETY: the storage lies inside the cell.
        let start = unsafe { cell.add(STORAGE_OFFSET) };
        let mut numbers = HashTable::new_in(Storage { start });
        let reserved = numbers.try_reserve(CAPACITY, |_| 0);
        debug_assert!(reserved.is_ok() && numbers.num_buckets() == SLOTS);
        let table = cell.cast::<Self>();
        // SAFETY: the cell is large and aligned enough and ours alone.
        unsafe { table.write(Self { numbers, depth, floor: floor_of(depth) }) };
        table
    }

    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    fn set_depth(&mut self, depth: u32) {
        self.depth = depth;
        self.floor = floor_of(depth);
    }

    /// Tells the compiler how many slots there are.
    #[inline]
    fn assume_slots(&self) {
        // SAFETY: `write_into` made so many, and the table never grows nor shrinks.
        unsafe { assert_unchecked(self.numbers.num_buckets() == SLOTS) };
    }

    /// Whether there is no slot left, be it for entries or for tombstones.
    #[inline]
    fn is_full(&self) -> bool {
        self.numbers.len() == self.numbers.capacity()
    }

    /// The slot of the entry with this hash that `is_wanted`.
    #[inline]
    pub(crate) fn find(&self, hash: Hash, mut is_wanted: impl FnMut(Id) -> bool) -> Option<Slot> {
        self.assume_slots();
        self.numbers.find_bucket_index(hash.for_table(), |&number| is_wanted(Id(number))).map(Slot)
    }

    /// The entry in a slot.
    ///
    /// # Safety
    ///
    /// [`Table::find`] named the slot, and the table has not changed since.
    #[inline]
    pub(crate) unsafe fn id(&self, slot: Slot) -> Id {
        // SAFETY: handed on to the caller.
        Id(*unsafe { self.numbers.get_bucket_unchecked(slot.0) })
    }

    /// Puts another number into a slot.
    ///
    /// # Safety
    ///
    /// As for [`Table::id`].
    #[inline]
    pub(super) unsafe fn set_id(&mut self, slot: Slot, id: Id) {
        // SAFETY: handed on to the caller.
        *unsafe { self.numbers.get_bucket_unchecked_mut(slot.0) } = id.0;
    }

    /// Takes the entry in a slot out.
    ///
    /// # Safety
    ///
    /// As for [`Table::id`].
    #[inline]
    pub(crate) unsafe fn take(&mut self, slot: Slot) -> Id {
        self.assume_slots();
        // SAFETY: handed on to the caller.
        Id(unsafe { self.numbers.get_bucket_entry_unchecked(slot.0) }.remove().0)
    }

    /// Enters a number under a hash; false if there is no room.
    #[inline]
    pub(crate) fn insert(&mut self, hash: Hash, id: Id) -> bool {
        if self.is_full() {
            return false;
        }
        self.assume_slots();
        self.numbers.insert_unique(hash.for_table(), id.0, |_| 0);
        true
    }

    /// Visits all entries.
    pub(super) fn for_each(&self, mut visit: impl FnMut(Id)) {
        for &number in &self.numbers {
            visit(Id(number));
        }
    }

    /// Makes room by tidying up; false if only a split helps.
    pub(super) fn make_room(&mut self, elements: &impl HashOf) -> bool {
        let is_sparse = self.numbers.len() < MIN_SPLIT;
        if is_sparse {
            self.drain(|table, id| table.enter(id, elements));
        }
        is_sparse
    }

    /// Moves the entries whose next hash bit is set to `upper`, which is empty and one deeper; then so is this.
    pub(super) fn split_into(&mut self, upper: &mut Self, elements: &impl HashOf) {
        let bit = super::bit_below(self.depth);
        self.set_depth(self.depth + 1);
        self.drain(|table, id| {
            let hash = elements.hash_of(id);
            let half = if hash.bits() & bit == 0 { table } else { &mut *upper };
            half.insert(hash, id);
        });
    }

    /// Whether the table has so few entries that it might join another.
    #[inline]
    pub(super) fn wants_join(&self) -> bool {
        self.numbers.len() < self.floor as usize
    }

    /// The same, once it has an entry less.
    #[inline]
    pub(crate) fn wants_join_next(&self) -> bool {
        self.numbers.len() <= self.floor as usize
    }

    /// A join was not possible: the table is not to ask again at once.
    pub(super) fn put_off_join(&mut self) {
        self.floor = (self.numbers.len() as u32).saturating_sub(STEPS_OF_PATIENCE);
    }

    /// Whether the table and its neighbour have so few entries as a join asks for.
    pub(super) fn can_absorb(&self, neighbour: &Self) -> bool {
        neighbour.depth == self.depth && self.numbers.len() + neighbour.numbers.len() <= MAX_JOINED
    }

    /// Takes all entries of `neighbour`, which shares all but the last bit of the prefix.
    pub(super) fn absorb(&mut self, neighbour: &Self, elements: &impl HashOf) {
        self.set_depth(self.depth - 1);
        self.drain(|table, id| table.enter(id, elements));
        neighbour.for_each(|id| self.enter(id, elements));
    }

    fn enter(&mut self, id: Id, elements: &impl HashOf) {
        self.insert(elements.hash_of(id), id);
    }

    /// Empties the table and hands each number that was in it to `place`, with the empty table.
    fn drain(&mut self, mut place: impl FnMut(&mut Self, Id)) {
        let mut numbers = [0_u32; CAPACITY];
        let mut count = 0;
        self.for_each(|id| {
            if let Some(slot) = numbers.get_mut(count) {
                *slot = id.0;
                count += 1;
            }
        });
        self.numbers.clear();
        for &number in numbers.iter().take(count) {
            place(self, Id(number));
        }
    }
}

fn floor_of(depth: u32) -> u32 {
    if depth == 0 { 0 } else { SPARSE }
}

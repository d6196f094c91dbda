//! One table of the index: a hashbrown table of numbers that never grows, in a cell of the arena.
//!
//! A full table is split, or rebuilt if many of its slots are tombstones; so hashbrown never rehashes. It has 64 slots:
//! with 128 the most expensive operation takes half as many instructions again, and no allocation gets cheaper. The
//! compiler is told the number of slots, which saves five instructions per allocation and free.

use core::alloc::Layout;
use core::hint::assert_unchecked;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};
use hashbrown::HashTable;

use super::{Hash, HashOf};
use crate::paged_vec::Id;

const SLOTS: usize = 64;
/// Entries that fit, at hashbrown's load of seven eighths of its slots.
const CAPACITY: usize = SLOTS / 8 * 7;

/// Slots that only those use who cannot afford to make room: their operation has had an expensive step already, such as a
/// page for the backend, which may be recorded by another tracker. The next operation makes room then.
const SLACK: usize = 4;

/// A full table with at least this many entries is split; with fewer, the rest are tombstones, and it is rebuilt.
const MIN_SPLIT: usize = CAPACITY * 3 / 4;
/// A table with fewer entries than this checks whether it can join its neighbour...
const SPARSE: u32 = 20;
/// ...and does if both together have at most this many.
const MAX_JOINED: usize = 40;
/// A table that could not join asks again when it has this many fewer entries.
const JOIN_RETRY_ENTRIES: u32 = 5;

/// Bytes of the cell that a table takes; ten cells fit in a page.
pub(super) const TABLE_SIZE_BYTES: usize = STORAGE_OFFSET + STORAGE_SIZE_BYTES;
/// The numbers, one control byte per slot, and the first group of control bytes repeated (16 with SSE2, 8 without).
const STORAGE_SIZE_BYTES: usize = SLOTS * size_of::<u32>() + SLOTS + 16;
const STORAGE_OFFSET: usize = size_of::<Table>().next_multiple_of(16);

const _: () = assert!(TABLE_SIZE_BYTES <= 400);

/// Hands the memory after the table's head to hashbrown, once.
#[derive(Clone, Copy, Debug)]
struct Storage {
    start: NonNull<u8>,
}

// SAFETY: the memory at `start` is the cell's and lives as long as the table. Hashbrown asks for one block at a time,
// and `write_into` makes it ask only once.
unsafe impl Allocator for Storage {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() > STORAGE_SIZE_BYTES || layout.align() > 16 {
            return Err(AllocError);
        }
        Ok(NonNull::slice_from_raw_parts(self.start, layout.size()))
    }

    unsafe fn deallocate(&self, _block: NonNull<u8>, _layout: Layout) {}
}

/// The slot of an entry; valid until the table changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot(usize);

/// A hash table of element numbers, of fixed size.
#[derive(Debug)]
pub(crate) struct Table {
    numbers: HashTable<u32, Storage>,
    /// The number of upper hash bits that all entries share.
    depth: u32,
    /// With fewer entries than this the table asks for a join.
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
        let numbers = HashTable::with_capacity_in(CAPACITY, Storage { start });
        debug_assert!(numbers.num_buckets() == SLOTS);
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
        // SAFETY: `write_into` made this many, and the table never grows or shrinks.
        unsafe { assert_unchecked(self.numbers.num_buckets() == SLOTS) };
    }

    /// Whether every slot that may be used holds an entry or a tombstone.
    #[inline]
    fn is_full(&self) -> bool {
        self.numbers.len() == self.numbers.capacity()
    }

    /// The slot of the entry under `hash` for which `is_wanted` is true.
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
        // SAFETY: upheld by the caller.
        Id(*unsafe { self.numbers.get_bucket_unchecked(slot.0) })
    }

    /// Replaces the number in a slot.
    ///
    /// # Safety
    ///
    /// As for [`Table::id`].
    #[inline]
    pub(super) unsafe fn set_id(&mut self, slot: Slot, id: Id) {
        // SAFETY: upheld by the caller.
        *unsafe { self.numbers.get_bucket_unchecked_mut(slot.0) } = id.0;
    }

    /// Removes and returns the entry in a slot.
    ///
    /// # Safety
    ///
    /// As for [`Table::id`].
    #[inline]
    pub(crate) unsafe fn take(&mut self, slot: Slot) -> Id {
        self.assume_slots();
        // SAFETY: upheld by the caller.
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

    /// As [`Table::insert`], but leaves the slack free.
    #[inline]
    pub(crate) fn insert_early(&mut self, hash: Hash, id: Id) -> bool {
        if self.is_nearly_full() {
            return false;
        }
        self.assume_slots();
        self.numbers.insert_unique(hash.for_table(), id.0, |_| 0);
        true
    }

    /// Whether no more than the slack is free.
    #[inline]
    pub(super) fn is_nearly_full(&self) -> bool {
        self.numbers.capacity() - self.numbers.len() <= SLACK
    }

    /// Visits all entries.
    pub(super) fn for_each(&self, mut visit: impl FnMut(Id)) {
        for &number in &self.numbers {
            visit(Id(number));
        }
    }

    /// Makes room by a rebuild that drops the tombstones; false if only a split helps.
    pub(super) fn make_room(&mut self, elements: &dyn HashOf) -> bool {
        let is_sparse = self.numbers.len() < MIN_SPLIT;
        if is_sparse {
            self.enter_again(elements);
        }
        is_sparse
    }

    /// Moves the entries whose next hash bit is set to `upper`, which is empty and one level deeper. This table becomes
    /// one level deeper too.
    pub(super) fn split_into(&mut self, upper: &mut Self, elements: &dyn HashOf) {
        let bit = super::bit_below(self.depth);
        self.set_depth(self.depth + 1);
        let mut buffer = Buffer::new();
        for entry in buffer.fill(self.numbers.drain(), elements) {
            let half = if entry.hash.bits() & bit == 0 { &mut *self } else { &mut *upper };
            half.enter(entry);
        }
    }

    /// Whether the table has so few entries that it might join another.
    #[inline]
    pub(super) fn wants_join(&self) -> bool {
        self.numbers.len() < self.floor as usize
    }

    /// As [`Table::wants_join`], once the table has one entry fewer.
    #[inline]
    pub(crate) fn wants_join_next(&self) -> bool {
        self.numbers.len() <= self.floor as usize
    }

    /// Called where a join was not possible: the table asks again only when it has [`JOIN_RETRY_ENTRIES`] fewer entries.
    pub(super) fn put_off_join(&mut self) {
        self.floor = (self.numbers.len() as u32).saturating_sub(JOIN_RETRY_ENTRIES);
    }

    /// Whether the table and its neighbour have the same depth, and few enough entries to join.
    pub(super) fn can_absorb(&self, neighbour: &Self) -> bool {
        neighbour.depth == self.depth && self.numbers.len() + neighbour.numbers.len() <= MAX_JOINED
    }

    /// Takes over all entries of `neighbour`, whose prefix differs in the last bit only.
    pub(super) fn absorb(&mut self, neighbour: &Self, elements: &dyn HashOf) {
        self.set_depth(self.depth - 1);
        self.enter_again(elements);
        let mut buffer = Buffer::new();
        self.enter_all(buffer.fill(neighbour.numbers.iter().copied(), elements));
    }

    /// Enters all its entries again, so that there is no tombstone left.
    fn enter_again(&mut self, elements: &dyn HashOf) {
        let mut buffer = Buffer::new();
        // Not `clear`, which does nothing to a table that has tombstones and no entry.
        let entries = buffer.fill(self.numbers.drain(), elements);
        self.enter_all(entries);
    }

    fn enter_all(&mut self, entries: &[Hashed]) {
        for entry in entries {
            self.enter(entry);
        }
    }

    /// Enters an entry of another table, or again, where all that were entered since the table was empty fit in one.
    #[inline]
    fn enter(&mut self, entry: &Hashed) {
        debug_assert!(!self.is_full(), "a table that was empty has room for all entries of another");
        // SAFETY: an emptied table has no tombstones, and room for `CAPACITY` entries. A split enters those of one table,
        // a rebuild too, and a join `MAX_JOINED`, which is less.
        unsafe { assert_unchecked(!self.is_full()) };
        self.insert(entry.hash, entry.id);
    }
}

/// An entry on its way to another table, with its hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashed {
    pub(super) hash: Hash,
    pub(super) id: Id,
}

/// Room for the entries of a table. It is not written to before they are known, and stays where it is: to clear or to copy
/// it would take more than to move the entries.
struct Buffer {
    entries: [MaybeUninit<Hashed>; CAPACITY],
}

impl Buffer {
    #[inline]
    fn new() -> Self {
        Self { entries: [MaybeUninit::uninit(); CAPACITY] }
    }

    /// Keeps the entries with these numbers, and finds their hashes.
    #[inline]
    fn fill(&mut self, numbers: impl Iterator<Item = u32>, elements: &dyn HashOf) -> &[Hashed] {
        let mut count = 0;
        for (entry, number) in self.entries.iter_mut().zip(numbers) {
            entry.write(Hashed { hash: Hash::from_bits(0), id: Id(number) });
            count += 1;
        }
        // SAFETY: the loop has written so many.
        let entries = unsafe { self.entries.get_unchecked_mut(..count).assume_init_mut() };
        elements.hash_all(entries);
        entries
    }
}

fn floor_of(depth: u32) -> u32 {
    if depth == 0 { 0 } else { SPARSE }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random hashes, by number.
    struct Hashes(Vec<Hash>);

    impl Hashes {
        fn of_count(count: u64) -> Self {
            let hash =
                |number: u64| Hash::from_bits((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).swap_bytes());
            Self((0..count).map(hash).collect())
        }
    }

    impl HashOf for Hashes {
        fn hash_of(&self, id: Id) -> Hash {
            self.0[id.0 as usize]
        }
    }

    #[repr(align(16))]
    struct Cell([u8; TABLE_SIZE_BYTES]);

    /// Runs `check` on an empty table.
    fn with_table(check: impl FnOnce(&mut Table)) {
        let mut cell = Cell([0; TABLE_SIZE_BYTES]);
        // SAFETY: the cell is large and aligned enough, and outlives the table.
        check(unsafe { Table::write_into(NonNull::from(&mut cell.0).cast(), 1).as_mut() });
    }

    fn insert(table: &mut Table, number: u32, hashes: &Hashes) {
        let hash = hashes.hash_of(Id(number));
        if !table.insert(hash, Id(number)) {
            assert!(table.make_room(hashes), "a table of {} entries asks for a split", table.numbers.len());
            assert!(table.insert(hash, Id(number)), "no room with {} entries", table.numbers.len());
        }
    }

    fn remove(table: &mut Table, number: u32, hashes: &Hashes) {
        let slot = table.find(hashes.hash_of(Id(number)), |id| id.0 == number).expect("it was entered");
        // SAFETY: just found.
        unsafe { table.take(slot) };
    }

    /// Inserts and removes entries until every slot is a tombstone.
    fn leave_tombstones_only(table: &mut Table, hashes: &Hashes) {
        for first in 0..hashes.0.len() as u32 {
            let end = (first + 40).min(hashes.0.len() as u32);
            (first..end).for_each(|number| insert(table, number, hashes));
            (first..end).for_each(|number| remove(table, number, hashes));
            if table.is_full() {
                return;
            }
        }
        panic!("the table is never full without entries");
    }

    #[test]
    fn a_table_of_tombstones_only_gets_room() {
        let hashes = Hashes::of_count(100_000);
        with_table(|table| {
            leave_tombstones_only(table, &hashes);
            assert!(table.make_room(&hashes));
            assert!(!table.is_full());
        });
    }

    #[test]
    fn a_table_of_tombstones_only_absorbs_all_entries_of_its_neighbour() {
        let hashes = Hashes::of_count(100_000);
        with_table(|table| {
            leave_tombstones_only(table, &hashes);
            with_table(|neighbour| {
                (0..30).for_each(|number| insert(neighbour, number, &hashes));
                table.absorb(neighbour, &hashes);
            });
            (0..30).for_each(|number| remove(table, number, &hashes));
        });
    }
}

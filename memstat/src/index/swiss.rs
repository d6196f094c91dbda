//! A table for what is looked up rarely: a hashbrown table of numbers that never grows, in a cell of the arena.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};
use hashbrown::HashTable;

use super::{Hash, HashOf, TABLE_SIZE_BYTES, Table};
use crate::paged::Id;

/// Records that fit, at hashbrown's load of seven eighths of its slots.
const CAPACITY: usize = SLOTS / 8 * 7;
const SLOTS: usize = 128;
/// Numbers, one control byte a slot, and a group of control bytes once more (16 with SSE2, 8 without).
const STORAGE_SIZE_BYTES: usize = SLOTS * size_of::<u32>() + SLOTS + 16;
const STORAGE_OFFSET: usize = 64;

/// A full table with at least this many records splits; with fewer, the rest are tombstones, and it is
/// written anew.
const LEAST_SPLIT: usize = CAPACITY * 3 / 4;

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

/// A table with its depth: the number of upper hash bits that all its records share.
#[derive(Debug)]
pub(crate) struct SwissTable {
    numbers: HashTable<u32, Storage>,
    depth: u32,
}

const _: () = assert!(size_of::<SwissTable>() <= STORAGE_OFFSET);
const _: () = assert!(STORAGE_OFFSET + STORAGE_SIZE_BYTES <= TABLE_SIZE_BYTES);

impl SwissTable {
    /// Whether there is no slot left, be it for records or for tombstones.
    #[inline]
    fn is_full(&self) -> bool {
        self.numbers.len() == self.numbers.capacity()
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

impl Table for SwissTable {
    unsafe fn write_into(cell: NonNull<u8>, depth: u32) -> NonNull<Self> {
        // SAFETY: the storage lies inside the cell.
        let start = unsafe { cell.add(STORAGE_OFFSET) };
        let mut numbers = HashTable::new_in(Storage { start });
        let reserved = numbers.try_reserve(CAPACITY, |_| 0);
        debug_assert!(reserved.is_ok() && numbers.capacity() == CAPACITY);
        let table = cell.cast::<Self>();
        // SAFETY: the cell is large and aligned enough and ours alone.
        unsafe { table.write(Self { numbers, depth }) };
        table
    }

    fn depth(&self) -> u32 {
        self.depth
    }

    fn len(&self) -> usize {
        self.numbers.len()
    }

    fn find(&self, hash: Hash, mut is_wanted: impl FnMut(Id) -> bool) -> Option<Id> {
        self.numbers.find(hash.for_swiss_table(), |&number| is_wanted(Id(number))).copied().map(Id)
    }

    fn insert(&mut self, hash: Hash, id: Id) -> bool {
        if self.is_full() {
            return false;
        }
        self.numbers.insert_unique(hash.for_swiss_table(), id.0, |_| 0);
        true
    }

    fn remove(&mut self, hash: Hash, mut is_wanted: impl FnMut(Id) -> bool) -> Option<Id> {
        let found = self.numbers.find_entry(hash.for_swiss_table(), |&number| is_wanted(Id(number)));
        found.ok().map(|entry| Id(entry.remove().0))
    }

    fn renumber(&mut self, hash: Hash, from: Id, to: Id) {
        if let Some(number) = self.numbers.find_mut(hash.for_swiss_table(), |&number| number == from.0) {
            *number = to.0;
        }
    }

    fn for_each(&self, mut visit: impl FnMut(Id)) {
        for &number in &self.numbers {
            visit(Id(number));
        }
    }

    fn make_room(&mut self, elements: &impl HashOf) -> bool {
        let is_sparse = self.len() < LEAST_SPLIT;
        if is_sparse {
            self.drain(|table, id| {
                table.insert(elements.hash_of(id), id);
            });
        }
        is_sparse
    }

    fn split_into(&mut self, upper: &mut Self, elements: &impl HashOf) {
        let bit = super::bit_below(self.depth);
        self.depth += 1;
        self.drain(|table, id| {
            let hash = elements.hash_of(id);
            let half = if hash.bits() & bit == 0 { table } else { &mut *upper };
            half.insert(hash, id);
        });
    }

    fn can_absorb(&self, _neighbour: &Self) -> bool {
        true
    }

    fn absorb(&mut self, neighbour: &Self, elements: &impl HashOf) {
        self.drain(|table, id| {
            table.insert(elements.hash_of(id), id);
        });
        neighbour.for_each(|id| {
            self.insert(elements.hash_of(id), id);
        });
        self.depth -= 1;
    }
}

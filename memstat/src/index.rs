//! The index: from a hash to the number of an element in an array. The live map has one for its records, the depot
//! one for its call stacks.
//!
//! This is extendible hashing (Fagin, Nievergelt, Pippenger, Strong, 1979), with hashbrown's tables as the buckets and
//! a trie as the directory: a full table splits in two, two sparse ones join, and no operation ever touches more than
//! two tables of 64 slots. The trie's root has 1024 entries in place; below it are nodes of 32 entries, made where tables
//! are dense, so that the directory need not double at once. A table's depth is the number of upper bits of the hash that
//! its entries share; all entries of the trie that this prefix covers point to the table.

use core::ptr::{NonNull, null_mut, without_provenance_mut};

use crate::arena::{Arena, ArenaFull, Cells};
use crate::paged_vec::Id;
use crate::platform::Platform;

mod table;

use table::{Hashed, TABLE_SIZE_BYTES};
pub(crate) use table::{Slot, Table};

/// Entries of the root, unless others are asked for.
pub(crate) const ROOT_ENTRIES: usize = 1024;
/// Bits that the number of a shard takes, see [`Hash::in_shard`].
pub(crate) const SHARD_BITS: u32 = 6;
const NODE_BITS: u32 = 5;
const NODE_ENTRIES: usize = 1 << NODE_BITS;
const NODE_SIZE_BYTES: usize = NODE_ENTRIES * size_of::<*mut u8>();
/// Levels of nodes below the root. The hash's lower bits are used inside the tables.
const MAX_LEVELS: u32 = 4;

/// The hash of an address.
///
/// Multiplication by an odd constant mixes the upper half of the product only, so the trie is indexed by the highest bits
/// (63 down to 34), and a table by bits below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hash(u64);

impl Hash {
    #[inline]
    pub(crate) fn of(address: usize) -> Self {
        // The golden ratio's 64 bits, as in Knuth, The Art of Computer Programming, vol. 3, section 6.4.
        Self((address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The hash of an address in a shard, of which the lowest [`SHARD_BITS`] bits are zero. Addresses that agree in
    /// all but these many upper bits would have the same; no system has such.
    #[inline]
    pub(crate) fn in_shard(address: usize) -> Self {
        Self((address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15 << SHARD_BITS))
    }

    /// A hash whose bits are all well mixed.
    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The hash for hashbrown, which takes the slot from the lowest bits and the tag from the seven highest.
    #[inline]
    fn for_table(self) -> u64 {
        self.0.rotate_left(32)
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// An array that knows the hash of each of its elements.
pub(crate) trait HashOf {
    /// The hash of an element that is there.
    fn hash_of(&self, id: Id) -> Hash;

    /// Fills in the hashes of entries whose elements are there: one call for all entries of a table, so that what moves
    /// them is compiled once, and not for each array.
    fn hash_all(&self, entries: &mut [Hashed]) {
        for entry in entries {
            entry.hash = self.hash_of(entry.id);
        }
    }
}

/// An entry of the trie: a pointer to a table or to a node, or nothing.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The lowest bit is clear for a table, set for a node or nothing: so one test of it usually finds a table.
    tagged: *mut Table,
}

type Node = [Entry; NODE_ENTRIES];

impl Entry {
    const NONE: Self = Self { tagged: without_provenance_mut(1) };
    /// All zeros, until the index is prepared.
    const UNPREPARED: Self = Self { tagged: null_mut() };

    fn table(table: NonNull<Table>) -> Self {
        Self { tagged: table.as_ptr() }
    }

    fn node(node: NonNull<Node>) -> Self {
        Self { tagged: node.as_ptr().cast::<u8>().wrapping_add(1).cast() }
    }

    #[inline]
    fn is_table(self) -> bool {
        self.tagged as usize & 1 == 0
    }

    #[inline]
    fn is_node(self) -> bool {
        !self.is_table() && self.tagged != Self::NONE.tagged
    }

    #[inline]
    fn as_node(self) -> *mut Node {
        self.tagged.cast::<u8>().wrapping_sub(1).cast()
    }

    #[inline]
    fn as_table(self) -> Option<NonNull<Table>> {
        // SAFETY: an entry for a table holds the address of one, which is not null.
        self.is_table().then(|| unsafe { NonNull::new_unchecked(self.tagged) })
    }
}

/// The trie, and the sources of memory for its tables and nodes.
#[derive(Debug)]
pub(crate) struct Index<const ROOT: usize = ROOT_ENTRIES> {
    root: [Entry; ROOT],
    tables: Cells<TABLE_SIZE_BYTES>,
    nodes: Cells<NODE_SIZE_BYTES>,
}

// SAFETY: everything behind the pointers belongs to this index alone.
unsafe impl<const ROOT: usize> Send for Index<ROOT> {}

impl<const ROOT: usize> Index<ROOT> {
    const ROOT_BITS: u32 = ROOT.ilog2();
    const MAX_DEPTH: u32 = Self::ROOT_BITS + NODE_BITS * MAX_LEVELS;

    pub(crate) const fn new() -> Self {
        const { assert!(ROOT.is_power_of_two()) };
        Self { root: [Entry::UNPREPARED; ROOT], tables: Cells::new(), nodes: Cells::new() }
    }

    /// Writes what is not zero at the start. Nothing else may be called before.
    pub(crate) fn prepare(&mut self) {
        self.root.fill(Entry::NONE);
    }

    /// The table that covers `hash`; `None` before there is one.
    #[inline]
    fn table_at(&self, hash: Hash) -> Option<NonNull<Table>> {
        let bits = hash.bits();
        let mut entry = self.root[(bits >> (64 - Self::ROOT_BITS)) as usize];
        let mut shift = 64 - Self::ROOT_BITS;
        loop {
            if entry.is_table() {
                return entry.as_table();
            }
            if !entry.is_node() {
                return None;
            }
            shift -= NODE_BITS;
            // SAFETY: a node entry points to a live node of this trie; `&self` keeps it from changing.
            entry = unsafe { (*entry.as_node())[(bits >> shift) as usize % NODE_ENTRIES] };
        }
    }

    #[inline]
    fn table(&self, hash: Hash) -> Option<&Table> {
        // SAFETY: a table entry points to a live table of this trie; `&self` keeps it from changing.
        self.table_at(hash).map(|table| unsafe { table.as_ref() })
    }

    #[inline]
    pub(crate) fn table_mut(&mut self, hash: Hash) -> Option<&mut Table> {
        // SAFETY: as in `table`; `&mut self` makes this reference the only one.
        self.table_at(hash).map(|mut table| unsafe { table.as_mut() })
    }

    /// The number under `hash` for which `is_wanted` is true.
    #[inline]
    pub(crate) fn find(&self, hash: Hash, is_wanted: impl FnMut(Id) -> bool) -> Option<Id> {
        let table = self.table(hash)?;
        let slot = table.find(hash, is_wanted)?;
        // SAFETY: just found.
        Some(unsafe { table.id(slot) })
    }

    /// Replaces the number `from` by `to`, as the element has moved.
    #[inline]
    pub(crate) fn renumber(&mut self, hash: Hash, from: Id, to: Id) {
        if let Some(table) = self.table_mut(hash)
            && let Some(slot) = table.find(hash, |id| id == from)
        {
            // SAFETY: just found.
            unsafe { table.set_id(slot, to) };
        }
    }

    /// Enters a number under a hash.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        hash: Hash,
        id: Id,
        elements: &dyn HashOf,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(), ArenaFull> {
        while !self.table_mut(hash).is_some_and(|table| table.insert(hash, id)) {
            self.make_room(hash, elements, arena, platform)?;
        }
        Ok(())
    }

    /// Makes room for the entry of `hash`, unless its table has more than the slack, or there is no memory. Returns whether
    /// it did.
    pub(crate) fn make_slack(
        &mut self,
        hash: Hash,
        elements: &dyn HashOf,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> bool {
        // Without memory the slack is used up, and then the insertion fails.
        self.table_mut(hash).is_some_and(|table| table.is_nearly_full())
            && self.make_room(hash, elements, arena, platform).is_ok()
    }

    /// Makes room in the table that covers `hash`, or makes that table.
    #[cold]
    #[inline(never)]
    fn make_room(
        &mut self,
        hash: Hash,
        elements: &dyn HashOf,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(), ArenaFull> {
        match self.table_mut(hash).map(|table| table.make_room(elements)) {
            Some(true) => Ok(()),
            Some(false) => self.split(hash, elements, arena, platform),
            None => self.plant(arena, platform),
        }
    }

    /// Removes and returns the number under `hash` for which `is_wanted` is true.
    #[inline]
    pub(crate) fn remove(
        &mut self,
        hash: Hash,
        is_wanted: impl FnMut(Id) -> bool,
        elements: &dyn HashOf,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Option<Id> {
        let table = self.table_mut(hash)?;
        let slot = table.find(hash, is_wanted)?;
        // SAFETY: just found.
        let id = unsafe { table.take(slot) };
        if table.wants_join() {
            self.join(hash, elements, arena, platform);
        }
        Some(id)
    }

    /// The first hash after those that the table at `cursor` covers; `None` if there is none.
    pub(crate) fn table_end(&self, cursor: u64) -> Option<u64> {
        let table = self.table(Hash(cursor))?;
        match table.depth() {
            0 => None,
            depth => (cursor >> (64 - depth)).checked_add(1)?.checked_shl(64 - depth).filter(|end| *end != 0),
        }
    }

    pub(crate) fn for_each_in_table(&self, cursor: u64, visit: impl FnMut(Id)) {
        if let Some(table) = self.table(Hash(cursor)) {
            table.for_each(visit);
        }
    }

    /// Makes the first table, which covers every hash.
    fn plant(&mut self, arena: &mut Arena, platform: &impl Platform) -> Result<(), ArenaFull> {
        let cell = self.tables.take(arena, platform).ok_or(ArenaFull)?;
        // SAFETY: a fresh cell of the size that a table needs.
        let table = unsafe { Table::write_into(cell, 0) };
        self.root.fill(Entry::table(table));
        Ok(())
    }

    /// Splits the full table that covers `hash` in two.
    fn split(
        &mut self,
        hash: Hash,
        elements: &dyn HashOf,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(), ArenaFull> {
        let Some(mut table) = self.table_at(hash) else { return Ok(()) };
        // SAFETY: a live table of this trie; `&mut self` makes the reference the only one.
        let table_ref = unsafe { table.as_mut() };
        let depth = table_ref.depth();
        if depth >= Self::MAX_DEPTH {
            return Err(ArenaFull);
        }
        let cell = self.tables.take(arena, platform).ok_or(ArenaFull)?;
        if Self::is_level_edge(depth) {
            let Some(node) = self.nodes.take(arena, platform) else {
                // SAFETY: taken just now and not used.
                unsafe { self.tables.give(cell, arena, platform) };
                return Err(ArenaFull);
            };
            let node = node.cast::<Node>();
            // SAFETY: a fresh cell of a node's size, aligned to 16 bytes.
            unsafe { node.write([Entry::table(table); NODE_ENTRIES]) };
            self.fill(hash, depth, Entry::node(node));
        }
        // SAFETY: a fresh cell of the size that a table needs.
        let mut upper = unsafe { Table::write_into(cell, depth + 1) };
        // SAFETY: just written; nobody else knows it yet.
        table_ref.split_into(unsafe { upper.as_mut() }, elements);
        self.fill(Hash(hash.bits() | bit_below(depth)), depth + 1, Entry::table(upper));
        Ok(())
    }

    /// Joins the table that covers `hash` with its neighbour if both are sparse.
    #[cold]
    #[inline(never)]
    fn join(&mut self, hash: Hash, elements: &dyn HashOf, arena: &mut Arena, platform: &impl Platform) {
        let Some(mut table) = self.table_at(hash) else { return };
        // SAFETY: a live table of this trie; `&mut self` keeps others away.
        let depth = unsafe { table.as_ref() }.depth();
        let neighbour_hash = Hash(hash.bits() ^ bit_below(depth - 1));
        let Some(mut neighbour) = self.table_at(neighbour_hash) else { return };
        // SAFETY: two live tables, and different ones: their prefixes differ in one bit.
        let (table_ref, neighbour_ref) = unsafe { (table.as_mut(), neighbour.as_mut()) };
        if !table_ref.can_absorb(neighbour_ref) {
            table_ref.put_off_join();
            return;
        }
        table_ref.absorb(neighbour_ref, elements);
        self.fill(hash, depth - 1, Entry::table(table));
        if Self::is_level_edge(depth - 1)
            && let Some(node) = self.lift(hash, depth - 1, table)
        {
            // SAFETY: no entry points to the node any more.
            unsafe { self.nodes.give(node.cast(), arena, platform) };
        }
        // SAFETY: every entry that pointed to the neighbour points to the joined table now.
        unsafe { self.tables.give(neighbour.cast(), arena, platform) };
    }

    /// Sets all entries that the first `depth` bits of `hash` cover to `entry`, at the level where that prefix ends.
    fn fill(&mut self, hash: Hash, depth: u32, entry: Entry) {
        let bits = hash.bits();
        let mut level_end = Self::ROOT_BITS;
        let mut entries: &mut [Entry] = &mut self.root;
        // A node that replaces a table goes in at the table's level; a table may lie one level lower.
        while let Some(slot) = entries.get((bits >> (64 - level_end)) as usize % entries.len())
            && slot.is_node()
            && (level_end < depth || (level_end == depth && !entry.is_node()))
        {
            // SAFETY: a live node of this trie; `&mut self` makes the reference the only one.
            entries = unsafe { &mut *slot.as_node() };
            level_end += NODE_BITS;
        }
        let covered = 1_usize << level_end.saturating_sub(depth);
        let first = ((bits >> (64 - level_end)) as usize % entries.len()) & !(covered - 1);
        for slot in entries.iter_mut().skip(first).take(covered) {
            *slot = entry;
        }
    }

    /// Replaces the node at the prefix of `depth` bits, whose entries are all `table`, by that table. Returns the node.
    fn lift(&mut self, hash: Hash, depth: u32, table: NonNull<Table>) -> Option<NonNull<Node>> {
        let bits = hash.bits();
        let mut level_end = Self::ROOT_BITS;
        let mut entries: &mut [Entry] = &mut self.root;
        loop {
            let number = (bits >> (64 - level_end)) as usize % entries.len();
            let slot = entries.get_mut(number)?;
            if !slot.is_node() {
                return None;
            }
            let node = slot.as_node();
            if level_end == depth {
                *slot = Entry::table(table);
                return NonNull::new(node);
            }
            // SAFETY: a live node of this trie; `&mut self` makes the reference the only one.
            entries = unsafe { &mut *node };
            level_end += NODE_BITS;
        }
    }

    /// Whether a table of this depth takes a single entry of its level, so that a split needs a node.
    fn is_level_edge(depth: u32) -> bool {
        depth >= Self::ROOT_BITS && (depth - Self::ROOT_BITS).is_multiple_of(NODE_BITS)
    }
}

/// The bit of a hash that follows its first `depth` bits.
fn bit_below(depth: u32) -> u64 {
    1 << (63 - depth)
}

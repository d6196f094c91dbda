//! A node of the graph: a live block, and what the algorithms note for it.

use crate::reach::Reach;
use crate::record::Record;

/// No node.
pub(super) const NONE: u32 = u32::MAX;
/// What stands for all roots.
pub(super) const ROOT: u32 = u32::MAX - 1;

/// A live block in a graph. Made by the tracker, in memory that its caller lends.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    address: usize,
    size_bytes: usize,
    sequence: u64,
    /// For a chain: the place of the word that refers to this block, an address or an offset. For retained memory: how far
    /// the block has been read, then the bytes that it keeps alive.
    pub(super) value: usize,
    /// The node from which this one was reached; later its dominator.
    pub(super) parent: u32,
    /// Its number in the order of a depth-first search, from 1; `NONE` until it is reached.
    pub(super) order: u32,
    /// In the entry `i`: the node with the number `i + 1`.
    pub(super) at_order: u32,
    /// For dominators, as numbers: an ancestor, the node between with the lowest semidominator, and the semidominator.
    pub(super) ancestor: u32,
    pub(super) label: u32,
    pub(super) semi: u32,
    /// The next node on a list.
    pub(super) next: u32,
    /// The first node of a list.
    pub(super) first: u32,
    stack: u16,
    /// Whether a root refers to it.
    pub(super) is_root: bool,
    /// Whether its owner has declared that it contains no pointers.
    is_leaf: bool,
}

impl Node {
    /// A node to be overwritten.
    pub const EMPTY: Self = Self {
        address: 0,
        size_bytes: 0,
        sequence: 0,
        value: 0,
        parent: NONE,
        order: NONE,
        at_order: NONE,
        ancestor: NONE,
        label: NONE,
        semi: NONE,
        next: NONE,
        first: NONE,
        stack: 0,
        is_root: false,
        is_leaf: false,
    };

    /// The node of a live block.
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            address: record.address(),
            size_bytes: record.size_bytes(),
            sequence: record.sequence(),
            stack: record.stack(),
            is_leaf: record.reach() == Reach::Ignored,
            ..Self::EMPTY
        }
    }

    /// Where the block starts.
    pub fn address(&self) -> usize {
        self.address
    }

    /// Its size, as requested.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The number of its call stack; 0 for none.
    pub fn stack(&self) -> u16 {
        self.stack
    }

    /// Whether this is the block of a record, and not a later one at the same address.
    pub(crate) fn is_of(&self, record: &Record) -> bool {
        self.address == record.address() && self.sequence == record.sequence()
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.is_leaf
    }

    /// The address after it. A block of size 0 has an address, too.
    pub(super) fn end(&self) -> usize {
        self.address.saturating_add(self.size_bytes.max(1))
    }

    pub(super) fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.address) < self.size_bytes.max(1)
    }
}

#[cfg(test)]
impl Node {
    pub(super) fn for_test(address: usize, size_bytes: usize, stack: u16) -> Self {
        Self { address, size_bytes, stack, ..Self::EMPTY }
    }
}

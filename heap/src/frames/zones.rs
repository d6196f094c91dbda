//! The table of a tier's zones, in memory that the frames were given for it.
//!
//! It has an entry for each zone from the first page to the last. Where no page is, nothing is ever written, so that
//! part needs no memory of its own as long as it reads as zeros.

use core::ptr::NonNull;

/// What all bytes zero are an entry of that nobody uses.
///
/// # Safety
///
/// They are a valid value.
pub(super) unsafe trait ZeroIsEmpty {}

/// As many entries as there is address space for, known by their numbers.
#[derive(Debug)]
pub(super) struct Zones<Z> {
    first: NonNull<Z>,
    count: usize,
}

// SAFETY: the entries belong to this table alone.
unsafe impl<Z: Send> Send for Zones<Z> {}

impl<Z: ZeroIsEmpty> Zones<Z> {
    /// A table without entries.
    pub(super) const fn empty() -> Self {
        Self { first: NonNull::dangling(), count: 0 }
    }

    /// A table of `count` entries, all unused.
    ///
    /// # Safety
    ///
    /// `memory` has room for so many, is aligned for them, reads as zeros, and is the table's for ever. It can be written
    /// where entries will be used.
    pub(super) const unsafe fn new(memory: NonNull<u8>, count: usize) -> Self {
        Self { first: memory.cast(), count }
    }

    /// The entry with a number.
    #[inline]
    pub(super) fn get(&mut self, number: u32) -> Option<&mut Z> {
        // SAFETY: below the count all entries are valid, from the start; `&mut self` makes the reference the only one.
        ((number as usize) < self.count).then(|| unsafe { self.first.add(number as usize).as_mut() })
    }

    /// The entry with a number, to look at.
    pub(super) fn peek(&self, number: u32) -> Option<&Z> {
        // SAFETY: as in `get`; `&self` keeps the entry from changing.
        ((number as usize) < self.count).then(|| unsafe { self.first.add(number as usize).as_ref() })
    }
}

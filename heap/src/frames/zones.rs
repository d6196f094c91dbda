//! The table of a tier's zones, in the memory for metadata that the frames were given.
//!
//! It has an entry for each zone from the first page to the last. Where there are no pages, nothing is ever written, so
//! that part needs no memory of its own as long as it reads as zeros.

use core::ptr::NonNull;

/// A type for which all bytes zero are an unused entry.
///
/// # Safety
///
/// All bytes zero are a valid value.
pub(super) unsafe trait ZeroIsEmpty {}

/// A table of entries, found by number.
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
    /// `memory` has room for `count` entries, is aligned for them, reads as zeros, and belongs to the table for ever. It can
    /// be written where entries will be used.
    pub(super) const unsafe fn new(memory: NonNull<u8>, count: usize) -> Self {
        Self { first: memory.cast(), count }
    }

    /// The entry with this number; `None` if there is none.
    #[inline]
    pub(super) fn get(&mut self, number: u32) -> Option<&mut Z> {
        // SAFETY: all entries below the count are valid; `&mut self` makes the reference the only one.
        ((number as usize) < self.count).then(|| unsafe { self.first.add(number as usize).as_mut() })
    }

    /// As [`Zones::get`], read-only.
    pub(super) fn peek(&self, number: u32) -> Option<&Z> {
        // SAFETY: as in `get`; `&self` keeps the entry from changing.
        ((number as usize) < self.count).then(|| unsafe { self.first.add(number as usize).as_ref() })
    }
}

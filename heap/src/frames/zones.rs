//! The table of a tier's zones, in memory that the frames were given for it.

use core::ptr::NonNull;

/// As many entries as there is memory for, known by their numbers.
#[derive(Debug)]
pub(super) struct Zones<Z> {
    first: NonNull<Z>,
    count: usize,
}

// SAFETY: the entries belong to this table alone.
unsafe impl<Z: Send> Send for Zones<Z> {}

impl<Z> Zones<Z> {
    /// A table without entries.
    pub(super) const fn empty() -> Self {
        Self { first: NonNull::dangling(), count: 0 }
    }

    /// A table of `count` entries, each made by `make`.
    ///
    /// # Safety
    ///
    /// `memory` has room for so many, is aligned for them, and is the table's for ever.
    pub(super) unsafe fn new(memory: NonNull<u8>, count: usize, make: impl Fn() -> Z) -> Self {
        let first = memory.cast::<Z>();
        for number in 0..count {
            // SAFETY: inside the memory, which is ours.
            unsafe { first.add(number).write(make()) };
        }
        Self { first, count }
    }

    /// The entry with a number.
    #[inline]
    pub(super) fn get(&mut self, number: u32) -> Option<&mut Z> {
        // SAFETY: below the count all entries were written by `new`; `&mut self` makes the reference the only one.
        ((number as usize) < self.count).then(|| unsafe { self.first.add(number as usize).as_mut() })
    }

    /// All entries in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Z> {
        // SAFETY: as in `get`; `&self` keeps the entries from changing.
        (0..self.count).map(|number| unsafe { self.first.add(number).as_ref() })
    }
}

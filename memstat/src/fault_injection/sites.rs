//! Call sites, as ranges of return addresses.

use core::ops::RangeInclusive;

/// Maximum number of address ranges in one [`Sites`].
pub const MAX_SITES: usize = 32;

/// A set of call sites; an empty set means all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sites {
    ranges: [(usize, usize); MAX_SITES],
    count: usize,
}

/// There are [`MAX_SITES`] ranges already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySites;

impl Sites {
    /// All call sites.
    pub const ALL: Self = Self { ranges: [(0, 0); MAX_SITES], count: 0 };

    /// Whether no call site was added, so that all are meant.
    pub fn is_all(&self) -> bool {
        self.count == 0
    }

    /// Adds the calls that return to these addresses. A range that directly follows the last one is joined with it.
    ///
    /// # Errors
    ///
    /// [`TooManySites`] if there is no room for another range; then nothing is added.
    pub fn add(&mut self, range: RangeInclusive<usize>) -> Result<(), TooManySites> {
        let (first, last) = (*range.start(), *range.end());
        if let Some((_, known_last)) = self.ranges.iter_mut().take(self.count).last()
            && known_last.checked_add(1) == Some(first)
        {
            *known_last = last;
            return Ok(());
        }
        *self.ranges.get_mut(self.count).ok_or(TooManySites)? = (first, last);
        self.count += 1;
        Ok(())
    }

    /// Whether a return address lies in one of the ranges; false if the set is empty.
    pub fn contains(&self, address: usize) -> bool {
        self.ranges().any(|range| range.contains(&address))
    }

    /// The ranges of return addresses, in the order in which they were added.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<usize>> + '_ {
        self.ranges.iter().take(self.count).map(|(first, last)| *first..=*last)
    }
}

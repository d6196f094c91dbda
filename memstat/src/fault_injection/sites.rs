//! Places in the code, as ranges of return addresses of the calls that are made there.

use core::ops::RangeInclusive;

/// Maximum number of address ranges in one [`Sites`].
pub const MAX_SITES: usize = 32;

/// The chosen places; none chosen means all places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sites {
    ranges: [(usize, usize); MAX_SITES],
    count: usize,
}

/// More ranges than [`MAX_SITES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySites;

impl Sites {
    /// All places.
    pub const ALL: Self = Self { ranges: [(0, 0); MAX_SITES], count: 0 };

    /// Whether no place was chosen.
    pub fn is_all(&self) -> bool {
        self.count == 0
    }

    /// Chooses these addresses as well. Neighbours become one range.
    ///
    /// # Errors
    ///
    /// [`TooManySites`]
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

    /// Whether a return address is one of the chosen places.
    pub fn contains(&self, address: usize) -> bool {
        self.ranges().any(|range| range.contains(&address))
    }

    /// The addresses that were chosen.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<usize>> + '_ {
        self.ranges.iter().take(self.count).map(|(first, last)| *first..=*last)
    }
}

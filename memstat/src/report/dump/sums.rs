//! Sums over the records of live blocks: by size, by age, and of those without a call stack.

use crate::counters::SIZE_CLASSES;

/// Blocks, and their bytes as requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) blocks: u64,
    pub(super) bytes: u64,
}

impl Sum {
    pub(super) fn add(&mut self, size_bytes: u64) {
        self.blocks += 1;
        self.bytes += size_bytes;
    }
}

/// Sums in classes of powers of two: 0, 1, 2 to 3, 4 to 7, and so on.
#[derive(Debug)]
pub(super) struct Classes([Sum; SIZE_CLASSES]);

impl Classes {
    pub(super) const EMPTY: Self = Self([Sum { blocks: 0, bytes: 0 }; SIZE_CLASSES]);

    /// Adds a block to the class of `value`.
    pub(super) fn add(&mut self, value: u64, size_bytes: u64) {
        // The number of significant bits; values of the last class and above share it.
        let class = value.checked_ilog2().map_or(0, |log2| log2 as usize + 1).min(SIZE_CLASSES - 1);
        if let Some(sum) = self.0.get_mut(class) {
            sum.add(size_bytes);
        }
    }

    /// The sum of the class whose smallest value is `smallest`.
    pub(super) fn of(&self, smallest: u64) -> Sum {
        let class = smallest.checked_ilog2().map_or(0, |log2| log2 as usize + 1);
        self.0.get(class).copied().unwrap_or_default()
    }

    /// The smallest value of each class, in order.
    pub(super) fn smallest() -> impl Iterator<Item = u64> {
        (0..SIZE_CLASSES).map(|class| if class == 0 { 0 } else { 1 << (class - 1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_the_values_from_its_smallest_to_the_next() {
        let mut classes = Classes::EMPTY;
        for value in [0, 1, 2, 3, 4, 7, 8, 1 << 62, u64::MAX] {
            classes.add(value, 10);
        }
        let found: Vec<_> = Classes::smallest()
            .map(|smallest| (smallest, classes.of(smallest).blocks))
            .filter(|(_, n)| *n > 0)
            .collect();
        assert_eq!(found, [(0, 1), (1, 1), (2, 2), (4, 2), (8, 1), (1 << 62, 2)]);
    }
}

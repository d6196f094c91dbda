//! Call stacks, ranked by live bytes, live blocks, totals or rate.

use crate::stacks::Stack;

/// What stacks are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Bytes that are live.
    LiveBytes,
    /// Blocks that are live.
    LiveBlocks,
    /// Bytes that were ever allocated.
    TotalBytes,
    /// Bytes allocated per second, since the stack was first seen.
    Rate {
        /// The platform's stamp now.
        now: u64,
    },
}

impl Rank {
    fn of(self, stack: &Stack) -> u64 {
        match self {
            Self::LiveBytes => stack.live_bytes,
            Self::LiveBlocks => u64::from(stack.live_blocks),
            Self::TotalBytes => stack.total_bytes,
            // Bytes per 2^40 stamps: the order is the same as by bytes per second, and little is lost by rounding.
            Self::Rate { now } => {
                let stamps = now.saturating_sub(stack.first_stamp).max(1);
                let rate = (u128::from(stack.total_bytes) << 40) / u128::from(stamps);
                u64::try_from(rate).unwrap_or(u64::MAX)
            }
        }
    }
}

/// The `N` stacks that rank highest of those that were added, with their numbers.
#[derive(Clone, Copy, Debug)]
pub struct TopStacks<const N: usize> {
    rank: Rank,
    stacks: [(u16, Stack); N],
}

impl<const N: usize> TopStacks<N> {
    /// None yet.
    pub fn new(rank: Rank) -> Self {
        Self { rank, stacks: [(0, Stack::EMPTY); N] }
    }

    /// Adds a stack, if it ranks high enough.
    pub fn add(&mut self, number: u16, stack: &Stack) {
        let rank = self.rank;
        let place = self.stacks.partition_point(|(_, other)| rank.of(other) >= rank.of(stack));
        if rank.of(stack) > 0
            && let Some(lower @ [_, ..]) = self.stacks.get_mut(place..)
        {
            lower.rotate_right(1);
            lower[0] = (number, *stack);
        }
    }

    /// The stacks, the highest first.
    pub fn iter(&self) -> impl Iterator<Item = &(u16, Stack)> {
        self.stacks.iter().filter(|(number, _)| *number != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(live_bytes: u64) -> Stack {
        let mut stack = Stack::EMPTY;
        stack.live_bytes = live_bytes;
        stack
    }

    #[test]
    fn top_keeps_the_highest_in_order_and_drops_the_rest() {
        let mut top = TopStacks::<3>::new(Rank::LiveBytes);
        for (number, live_bytes) in [5, 0, 9, 7, 1, 8].into_iter().enumerate() {
            top.add(number as u16 + 1, &stack(live_bytes));
        }
        let numbers: Vec<_> = top.iter().map(|(number, stack)| (*number, stack.live_bytes)).collect();
        assert_eq!(numbers, [(3, 9), (6, 8), (4, 7)]);
    }

    #[test]
    fn rate_counts_from_the_time_when_a_stack_was_first_seen() {
        let mut top = TopStacks::<2>::new(Rank::Rate { now: 1000 });
        for (number, first_stamp, total_bytes) in [(1, 0, 5000), (2, 900, 1000), (3, 999, 2)] {
            let mut stack = Stack::EMPTY;
            (stack.first_stamp, stack.total_bytes) = (first_stamp, total_bytes);
            top.add(number, &stack);
        }
        assert_eq!(top.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn rates_of_years_and_of_petabytes_keep_their_order() {
        let mut top = TopStacks::<3>::new(Rank::Rate { now: 1 << 60 });
        for (number, total_bytes) in [(1, 1 << 30), (2, 1 << 49), (3, (1 << 48) + 1)] {
            let mut stack = Stack::EMPTY;
            stack.total_bytes = total_bytes;
            top.add(number, &stack);
        }
        assert_eq!(top.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3, 1]);
    }
}

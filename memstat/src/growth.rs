//! Blocks allocated since an earlier snapshot that are still live, by call stack: the report that shows a leak.

use crate::ranking::TopStacks;
use crate::record::Record;
use crate::stacks::Stack;

/// Blocks of one call stack that were allocated since a snapshot and are still live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// How many.
    pub blocks: u64,
    /// Their sizes in bytes, as requested.
    pub bytes: u64,
}

impl Growth {
    fn add(&mut self, record: &Record) {
        self.blocks += 1;
        self.bytes += record.size_bytes() as u64;
    }
}

/// Sums of records by call stack, in memory that the caller provides.
#[derive(Debug)]
pub struct GrowthByStack<'a> {
    since: u64,
    latest: u64,
    /// By stack number; the first stands for blocks without a stack.
    stacks: &'a mut [Growth],
    rest: Growth,
}

impl<'a> GrowthByStack<'a> {
    /// Without records yet. `since` is the sequence number of an earlier [`Snapshot`](crate::Snapshot), `latest` what
    /// [`LeaksView::sequence`](crate::LeaksView::sequence) returns now. `stacks` should have one entry more than the
    /// [number of stacks](crate::StacksView::count); stacks that it has no entry for are summed up together.
    pub fn new(since: u64, latest: u64, stacks: &'a mut [Growth]) -> Self {
        stacks.fill(Growth::default());
        Self { since, latest, stacks, rest: Growth::default() }
    }

    /// Adds a record, if its block was allocated after `since`.
    pub fn add(&mut self, record: &Record) {
        if record.is_newer_than(self.since, self.latest) {
            self.stacks.get_mut(usize::from(record.stack())).unwrap_or(&mut self.rest).add(record);
        }
    }

    /// The sum over all call stacks.
    pub fn total(&self) -> Growth {
        self.stacks.iter().fold(self.rest, |sum, growth| Growth {
            blocks: sum.blocks + growth.blocks,
            bytes: sum.bytes + growth.bytes,
        })
    }

    /// Blocks without a call stack, and those of stacks that the table has no entry for.
    pub fn without_stack(&self) -> Growth {
        let none = self.stacks.first().copied().unwrap_or_default();
        Growth { blocks: none.blocks + self.rest.blocks, bytes: none.bytes + self.rest.bytes }
    }

    /// The growth of the call stack with this number.
    pub fn of(&self, number: u16) -> Growth {
        self.stacks.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// The call stacks that grew, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u16, Growth)> {
        let numbered = self.stacks.iter().enumerate().skip(1).filter(|(_, growth)| growth.blocks > 0);
        numbered.map(|(number, growth)| (number as u16, *growth))
    }

    /// Adds the call stacks that grew to `top`, with their growth in place of their live blocks and bytes. `find` returns
    /// the stack of a number.
    pub fn rank<const N: usize>(&self, top: &mut TopStacks<N>, find: impl Fn(u16) -> Option<Stack>) {
        for (number, growth) in self.iter() {
            if let Some(mut stack) = find(number) {
                (stack.live_blocks, stack.live_bytes) = (growth.blocks as u32, growth.bytes);
                top.add(number, &stack);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    use super::*;
    use crate::record::Origin;

    fn record(sequence: u64, size_bytes: usize, stack: u16) -> Record {
        let layout = Layout::from_size_align(size_bytes, 8).unwrap();
        Record::new(NonNull::dangling(), layout, &Origin { sequence, stamp: 0, cpu: 0, task: 0, stack })
    }

    #[test]
    fn only_blocks_since_the_snapshot_are_summed_up_by_stack() {
        let mut stacks = [Growth { blocks: 9, bytes: 9 }; 3];
        let mut growth = GrowthByStack::new(10, 15, &mut stacks);
        for (sequence, size_bytes, stack) in
            [(9, 100, 1), (10, 100, 1), (11, 7, 1), (12, 8, 2), (13, 9, 2), (14, 5, 0), (15, 3, 7)]
        {
            growth.add(&record(sequence, size_bytes, stack));
        }
        assert_eq!(growth.total(), Growth { blocks: 5, bytes: 32 });
        assert_eq!(growth.without_stack(), Growth { blocks: 2, bytes: 8 });
        let found: Vec<_> =
            growth.iter().map(|(number, growth)| (number, growth.blocks, growth.bytes)).collect();
        assert_eq!(found, [(1, 1, 7), (2, 2, 17)]);
    }
}

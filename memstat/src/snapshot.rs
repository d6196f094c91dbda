//! Snapshots of what is live under each call stack, and how two of them differ: the reports that show what leaks.
//!
//! Call stacks are never removed, and their numbers never reused, so two snapshots can be compared by stack number alone:
//! a stack that is not in the earlier one had no live blocks then. The owner of a snapshot provides its memory, outside
//! the tracked heap.

use crate::growth::Growth;
use crate::level::Level;
use crate::stacks::StackUsage;

/// A mark: what each call stack had live at some time. The figures themselves stand with the stacks, so the last mark
/// alone counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StacksMark {
    number: u64,
    snapshot: Snapshot,
}

impl StacksMark {
    /// The mark that the depot has just set under this number.
    pub(crate) fn new(number: u64, snapshot: Snapshot) -> Self {
        Self { number, snapshot }
    }

    /// The number that the depot gave it.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// All else that was live then.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// A snapshot, without the usage of each call stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The sequence number of the last event; blocks that are allocated later have higher ones.
    pub sequence: u64,
    /// The platform's stamp when the snapshot was taken.
    pub stamp: u64,
    /// How much was recorded.
    pub level: Level,
    /// The sequence number from which on call stacks were recorded without a break; of no use below [`Level::Stacks`].
    pub stacks_since_sequence: u64,
    /// Blocks that were recorded, with a stack or without.
    pub recorded: StackUsage,
    /// Live blocks that were not recorded.
    pub unrecorded_blocks: u64,
    /// Call stacks that were known.
    pub stack_count: u16,
}

impl Snapshot {
    /// Whether the level was at least [`Level::Stacks`] all the time since `earlier`, so that all blocks were recorded with
    /// their call stacks.
    pub fn has_all_stacks_since(&self, earlier: &Self) -> bool {
        let is_on = |snapshot: &Self| snapshot.level >= Level::Stacks;
        is_on(earlier) && is_on(self) && self.stacks_since_sequence <= earlier.sequence
    }
}

/// The change of live bytes and blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The difference in bytes; negative if they became fewer.
    pub bytes: i64,
    /// The difference in blocks; negative if they became fewer.
    pub blocks: i64,
}

impl Change {
    /// From `before` to `after`.
    pub fn between(before: StackUsage, after: StackUsage) -> Self {
        Self {
            bytes: after.bytes.wrapping_sub(before.bytes) as i64,
            blocks: after.blocks.wrapping_sub(before.blocks) as i64,
        }
    }

    /// Whether there are more bytes or more blocks.
    pub fn is_growth(self) -> bool {
        self.bytes > 0 || self.blocks > 0
    }

    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.blocks += other.blocks;
    }
}

/// One call stack's part in what has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackChange {
    /// The stack's number; 0 for none.
    pub number: u16,
    /// How its live bytes and blocks have changed.
    pub change: Change,
    /// Blocks that were allocated since the earlier snapshot and are live; frees of older blocks are not subtracted.
    /// Zero if not determined.
    pub new: Growth,
}

impl StackChange {
    /// What the rows of a report are sorted by.
    fn rank(&self) -> (i64, i64, u64) {
        (self.change.bytes, self.change.blocks, self.new.bytes)
    }
}

/// Several call stacks, and by how much they changed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeSum {
    /// How many.
    pub stacks: usize,
    /// By how much.
    pub change: Change,
}

impl ChangeSum {
    fn add(&mut self, change: Change) {
        self.stacks += 1;
        self.change.add(change);
    }
}

/// The `N` call stacks that grew most, the most bytes first, and sums over all that were added.
#[derive(Clone, Copy, Debug)]
pub struct TopChanges<const N: usize> {
    rows: [StackChange; N],
    /// Stacks with more live bytes or blocks.
    pub grown: ChangeSum,
    /// Stacks with fewer.
    pub shrunk: ChangeSum,
    /// Stacks without growth under which new blocks are live: at least as many old ones were freed.
    pub renewed: ChangeSum,
    /// New blocks that are live, under any stack.
    pub new: Growth,
    is_renewal_shown: bool,
}

impl<const N: usize> TopChanges<N> {
    /// Without stacks yet. If `is_renewal_shown`, stacks with new blocks but without growth get rows after the others.
    pub fn new(is_renewal_shown: bool) -> Self {
        Self {
            rows: [StackChange::default(); N],
            grown: ChangeSum::default(),
            shrunk: ChangeSum::default(),
            renewed: ChangeSum::default(),
            new: Growth::default(),
            is_renewal_shown,
        }
    }

    /// Adds a stack.
    pub fn add(&mut self, row: StackChange) {
        self.new.blocks += row.new.blocks;
        self.new.bytes += row.new.bytes;
        let is_renewed = !row.change.is_growth() && row.new.blocks > 0;
        if row.change.is_growth() {
            self.grown.add(row.change);
        } else if row.change != Change::default() {
            self.shrunk.add(row.change);
        }
        if is_renewed {
            self.renewed.add(row.change);
        }
        if !(row.change.is_growth() || is_renewed && self.is_renewal_shown) {
            return;
        }
        let place = self.rows.partition_point(|other| other.number != 0 && other.rank() >= row.rank());
        if let Some(lower @ [_, ..]) = self.rows.get_mut(place..) {
            lower.rotate_right(1);
            lower[0] = row;
        }
    }

    /// The stacks that grew most, in order.
    pub fn iter(&self) -> impl Iterator<Item = &StackChange> {
        self.rows.iter().filter(|row| row.number != 0)
    }
}

/// One call stack, followed through several snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchedStack {
    first: StackUsage,
    last: StackUsage,
    growths: u32,
    has_shrunk: bool,
}

/// How often a stack must have grown to be reported as one that only grows. Anything that starts up grows once.
const MIN_GROWTHS: u32 = 2;

impl WatchedStack {
    /// A stack with this usage in the first snapshot. One that is not known then has no live blocks: the default.
    pub fn new(usage: StackUsage) -> Self {
        Self { first: usage, last: usage, growths: 0, has_shrunk: false }
    }

    /// Adds its usage in the next snapshot, and returns whether it has just become one that only grows.
    pub fn update(&mut self, usage: StackUsage) -> bool {
        let was_growing = self.only_grows();
        self.growths += u32::from(usage.bytes > self.last.bytes);
        self.has_shrunk |= usage.bytes < self.last.bytes;
        self.last = usage;
        self.only_grows() && !was_growing
    }

    /// Whether its live bytes never shrank between two snapshots, and grew at least twice.
    pub fn only_grows(&self) -> bool {
        self.growths >= MIN_GROWTHS && !self.has_shrunk
    }

    /// In how many snapshots it had more live bytes than in the one before.
    pub fn growths(&self) -> u32 {
        self.growths
    }

    /// From the first snapshot to the last.
    pub fn change(&self) -> Change {
        Change::between(self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u16, bytes: i64, blocks: i64, new_blocks: u64) -> StackChange {
        let new = Growth { blocks: new_blocks, bytes: new_blocks };
        StackChange { number, change: Change { bytes, blocks }, new }
    }

    fn top(is_renewal_shown: bool) -> (Vec<u16>, TopChanges<3>) {
        let mut top = TopChanges::new(is_renewal_shown);
        for row in [
            row(1, 10, 1, 1),
            row(2, -5, -1, 0),
            row(3, 30, 2, 9),
            row(4, 0, 0, 7),
            row(5, 0, 0, 0),
            row(6, -90, 4, 4),
            row(7, -1, 0, 2),
        ] {
            top.add(row);
        }
        (top.iter().map(|row| row.number).collect(), top)
    }

    #[test]
    fn rows_are_those_that_grew_and_sums_have_all() {
        let (numbers, top) = top(false);
        assert_eq!(numbers, [3, 1, 6]);
        assert_eq!(top.grown, ChangeSum { stacks: 3, change: Change { bytes: -50, blocks: 7 } });
        assert_eq!(top.shrunk, ChangeSum { stacks: 2, change: Change { bytes: -6, blocks: -1 } });
        assert_eq!((top.renewed.stacks, top.new.blocks), (2, 23));
    }

    #[test]
    fn renewed_stacks_are_shown_on_request() {
        assert_eq!(top(true).0, [3, 1, 4]);
    }

    #[test]
    fn only_a_stack_that_grew_twice_and_never_shrank_is_reported() {
        let becomes = |bytes: &[u64]| {
            let mut usages = bytes.iter().map(|&bytes| StackUsage { bytes, blocks: 1 });
            let mut watched = WatchedStack::new(usages.next().unwrap());
            let reported: Vec<_> = usages.map(|usage| watched.update(usage)).collect();
            (reported.iter().position(|is_reported| *is_reported), watched.only_grows())
        };
        assert_eq!(becomes(&[5, 5, 6, 6, 6]), (None, false));
        assert_eq!(becomes(&[5, 6, 6, 7, 8]), (Some(2), true));
        assert_eq!(becomes(&[5, 6, 5, 6, 7, 8]), (None, false));
        assert_eq!(becomes(&[0, 1, 2, 1]), (Some(1), false));
    }

    #[test]
    fn a_switch_of_the_level_between_two_snapshots_is_seen() {
        let at = |sequence, level, stacks_since_sequence| Snapshot {
            sequence,
            stamp: 0,
            level,
            stacks_since_sequence,
            recorded: StackUsage::default(),
            unrecorded_blocks: 0,
            stack_count: 0,
        };
        let first = at(10, Level::Stacks, 0);
        assert!(at(20, Level::Full, 0).has_all_stacks_since(&first));
        assert!(!at(20, Level::Blocks, 0).has_all_stacks_since(&first));
        assert!(!at(20, Level::Stacks, 15).has_all_stacks_since(&first));
        assert!(!at(20, Level::Stacks, 15).has_all_stacks_since(&at(10, Level::Off, 0)));
    }
}

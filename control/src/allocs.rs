//! The words of the shell's command `allocs`, and its two tables: sums by a key, and the largest rows.
//!
//! The tables lie in memory that the caller lends, and say how much had no room.

use core::cmp::Reverse;
use core::ops::RangeInclusive;

/// What blocks are summed up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The function that asked.
    Function,
    /// The call in it.
    Site,
    /// The size that was asked for.
    Size,
    /// The task.
    Task,
    /// The CPU.
    Cpu,
    /// The age, in powers of two of a millisecond.
    Age,
}

/// What rows are sorted by: the largest come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Bytes: of a block its size.
    Bytes,
    /// Blocks; of a single block its size.
    Blocks,
    /// The age of a block; of sums their key.
    Age,
    /// The address of a block, the lowest first; of sums their key.
    Address,
}

/// The names of keys, for messages.
pub const GROUPS: &str = "function, site, size, task, cpu or age";
/// The names of orders, for messages.
pub const ORDERS: &str = "bytes, blocks, age or address";

impl Group {
    /// The key with this name.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "function" => Self::Function,
            "site" => Self::Site,
            "size" => Self::Size,
            "task" => Self::Task,
            "cpu" => Self::Cpu,
            "age" => Self::Age,
            _ => return None,
        })
    }
}

impl Order {
    /// The order with this name.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "bytes" => Self::Bytes,
            "blocks" => Self::Blocks,
            "age" => Self::Age,
            "address" => Self::Address,
            _ => return None,
        })
    }
}

/// `5`, `5-`, `-9` or `5-9`: one number, or all from the first to the second. `None` for other words, and where the first
/// is above the second.
pub fn range(word: &str, number: impl Fn(&str) -> Option<u64>) -> Option<RangeInclusive<u64>> {
    let (first, last) = match word.split_once('-') {
        None => {
            let exact = number(word)?;
            (exact, exact)
        }
        Some(("", "")) => return None,
        Some(("", last)) => (0, number(last)?),
        Some((first, "")) => (number(first)?, u64::MAX),
        Some((first, last)) => (number(first)?, number(last)?),
    };
    (first <= last).then_some(first..=last)
}

/// The class of an age: the number of bits of its milliseconds. Class 0 is younger than one.
pub fn age_class(age_ns: u64) -> u64 {
    u64::from(u64::BITS - (age_ns / 1_000_000).leading_zeros())
}

/// The shortest age of a class, in milliseconds.
pub fn class_start_ms(class: u64) -> u64 {
    match class.checked_sub(1) {
        Some(bit) => 1_u64.checked_shl(bit as u32).unwrap_or(u64::MAX),
        None => 0,
    }
}

/// Blocks with the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// What they have in common.
    pub key: u64,
    /// How many there are; 0 in a free entry.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Sums by key, in a table of a fixed length: open addressing with linear probing.
#[derive(Debug)]
pub struct Sums<'a> {
    entries: &'a mut [Sum],
    used: usize,
    /// What had no room.
    pub left_out: Sum,
}

impl<'a> Sums<'a> {
    /// Makes a table; an eighth of the entries stays free.
    pub fn new(entries: &'a mut [Sum]) -> Self {
        entries.fill(Sum::default());
        Self { entries, used: 0, left_out: Sum::default() }
    }

    /// Adds a block.
    pub fn add(&mut self, key: u64, bytes: u64) {
        let length = self.entries.len();
        let has_room = self.used < length - length / 8;
        let first = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize;
        let places = (0..length).map(|step| first.wrapping_add(step) % length);
        let entries = &mut *self.entries;
        for place in places {
            let Some(entry) = entries.get_mut(place) else { break };
            if entry.blocks == 0 {
                if !has_room {
                    break;
                }
                *entry = Sum { key, blocks: 0, bytes: 0 };
                self.used += 1;
            }
            if entry.key == key {
                entry.blocks += 1;
                entry.bytes += bytes;
                return;
            }
        }
        self.left_out.blocks += 1;
        self.left_out.bytes += bytes;
    }

    /// The sums, sorted; the table is used up.
    pub fn sorted(self, order: Order) -> &'a [Sum] {
        let entries = self.entries;
        entries.sort_unstable_by_key(|sum| {
            let rank = match order {
                Order::Bytes => (sum.bytes, sum.blocks),
                Order::Blocks => (sum.blocks, sum.bytes),
                Order::Age | Order::Address => (sum.key, 0),
            };
            // Free entries come last.
            (sum.blocks == 0, Reverse(rank), sum.key)
        });
        entries.get(..self.used).unwrap_or_default()
    }
}

/// The rows that rank highest of many, in a table of a fixed length.
#[derive(Debug)]
pub struct Top<'a, T> {
    rows: &'a mut [(u64, T)],
    count: usize,
}

impl<'a, T: Copy> Top<'a, T> {
    /// None yet.
    pub fn new(rows: &'a mut [(u64, T)]) -> Self {
        Self { rows, count: 0 }
    }

    /// Adds a row, if it ranks high enough. Of equal ones the earlier stays before the later.
    pub fn add(&mut self, rank: u64, row: T) {
        let used = self.rows.get(..self.count).unwrap_or_default();
        let place = used.partition_point(|(other, _)| *other >= rank);
        let end = (self.count + 1).min(self.rows.len());
        if let Some(behind @ [_, ..]) = self.rows.get_mut(place..end) {
            behind.rotate_right(1);
            if let Some(first) = behind.first_mut() {
                *first = (rank, row);
            }
            self.count = end;
        }
    }

    /// The rows, highest first.
    pub fn rows(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().take(self.count).map(|(_, row)| row)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn ranges_are_read() {
        let number = |word: &str| word.parse().ok();
        for (word, expected) in [
            ("5", Some(5..=5)),
            ("5-", Some(5..=u64::MAX)),
            ("-5", Some(0..=5)),
            ("5-9", Some(5..=9)),
            ("9-5", None),
            ("-", None),
            ("", None),
            ("x", None),
            ("5-x", None),
            ("5--9", None),
        ] {
            assert_eq!(range(word, number), expected, "{word}");
        }
    }

    #[test]
    fn ages_are_in_their_class() {
        for age_ms in [0, 1, 2, 3, 4, 1000, u64::MAX / 1_000_000] {
            let class = age_class(age_ms * 1_000_000);
            assert!(class_start_ms(class) <= age_ms && age_ms < class_start_ms(class + 1), "{age_ms}");
        }
        assert_eq!(class_start_ms(u64::MAX), u64::MAX);
    }

    #[test]
    fn sums_are_those_of_a_plain_map_and_what_has_no_room_is_counted() {
        for (length, keys) in [(64, 40), (64, 200), (8, 8), (1, 3), (0, 3)] {
            let mut entries = vec![Sum::default(); length];
            let mut sums = Sums::new(&mut entries);
            let mut plain: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
            let (mut number, mut all) = (1_u64, 0);
            for _ in 0..5000 {
                number =
                    number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (key, bytes) = (number >> 33, (number >> 20) % 1000);
                let key = key % keys * 0x1_0000_0001;
                sums.add(key, bytes);
                let entry = plain.entry(key).or_default();
                *entry = (entry.0 + 1, entry.1 + bytes);
                all += bytes;
            }
            let left_out = sums.left_out;
            let sorted = sums.sorted(Order::Bytes);
            assert!(sorted.is_sorted_by(|a, b| a.bytes >= b.bytes));
            assert_eq!(sorted.iter().map(|sum| sum.bytes).sum::<u64>() + left_out.bytes, all);
            assert_eq!(sorted.iter().map(|sum| sum.blocks).sum::<u64>() + left_out.blocks, 5000);
            assert_eq!(left_out.blocks == 0, length - length / 8 >= keys as usize, "{length} {keys}");
            if left_out.blocks == 0 {
                assert_eq!(sorted.len(), plain.len());
                assert!(sorted.iter().all(|sum| plain[&sum.key] == (sum.blocks, sum.bytes)));
            }
        }
    }

    #[test]
    fn the_largest_rows_stay() {
        let ranks: Vec<u64> = (0..500).map(|number| number * 7919 % 101).collect();
        for length in [0, 1, 5, 600] {
            let mut rows = vec![(0, 0_usize); length];
            let mut top = Top::new(&mut rows);
            for (number, rank) in ranks.iter().enumerate() {
                top.add(*rank, number);
            }
            let mut expected: Vec<usize> = (0..ranks.len()).collect();
            expected.sort_by_key(|number| (Reverse(ranks[*number]), *number));
            expected.truncate(length);
            assert_eq!(top.rows().copied().collect::<Vec<_>>(), expected);
        }
    }
}

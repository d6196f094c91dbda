//! The memory that the live blocks of call stacks occupy, beyond their requested sizes.

use crate::memory::heap::tracker;

/// The memory in bytes that the live blocks of each of these call stacks occupy, red zones and rounding included. Reads the
/// records of all live blocks.
pub(crate) fn taken_bytes_of<const N: usize>(stacks: [u16; N]) -> [u64; N] {
    let mut sums = [0; N];
    tracker().blocks().for_each_taken(|record, taken_bytes| {
        let place = stacks.iter().position(|stack| *stack == record.stack());
        if let Some(sum) = place.and_then(|place| sums.get_mut(place)) {
            *sum += taken_bytes;
        }
    });
    sums
}

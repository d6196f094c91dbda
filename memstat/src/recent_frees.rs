//! The last frees where there are no guards: a small table, so that the report of a double free can name who freed the
//! block first.
//!
//! To walk the stack would cost each free some 180 instructions; the block's record and the two innermost return addresses
//! cost 27.

use crate::record::{Origin, Record};

/// Return addresses that are kept of a free.
pub(crate) const CALLERS: usize = 2;

/// Places in the table, unless others are asked for. One is for the next free; the others are frees that are remembered.
const USUAL_PLACES: usize = 128;

/// A block that was freed: a cache line.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_pointer_width = "64"), repr(align(64)))]
pub(crate) struct RecentFree {
    /// The block as it was allocated.
    block: Record,
    /// Its free: clock stamp, task, and CPU. The sequence number, if it has one, is in the history.
    stamp: u64,
    task_and_cpu: u32,
    callers: [usize; CALLERS],
}

const _: () = assert!(size_of::<RecentFree>() == 64);

impl RecentFree {
    const EMPTY: Self = Self { block: Record::EMPTY, stamp: 0, task_and_cpu: 0, callers: [0; CALLERS] };

    /// The block as it was allocated.
    pub(crate) fn block(&self) -> &Record {
        &self.block
    }

    /// Whether it came after another: by the clock, and by the blocks' numbers where that stood still. `latest` is the
    /// number of the last event.
    pub(crate) fn is_later_than(&self, other: &Self, latest: u64) -> bool {
        let rank = |free: &Self| (free.stamp, free.block.full_sequence(latest));
        rank(self) > rank(other)
    }

    /// The free, without call stack and sequence number.
    pub(crate) fn free(&self) -> Record {
        let (cpu, task) = (self.task_and_cpu as u8, (self.task_and_cpu >> 8) as u16);
        let origin = Origin { sequence: 0, stamp: self.stamp, cpu, task, stack: 0 };
        self.block.at_event(0, &origin).without_stack()
    }

    /// The innermost return addresses of the free, which may be the allocator's own; 0 where there is none.
    pub(crate) fn callers(&self) -> [usize; CALLERS] {
        self.callers
    }
}

/// The table, a ring.
#[derive(Debug)]
pub(crate) struct RecentFrees<const PLACES: usize = USUAL_PLACES> {
    entries: [RecentFree; PLACES],
    /// Where the next one goes, modulo the table's length, in bytes: so the fast path masks it and does not multiply.
    /// 0 is an empty table.
    next_bytes: usize,
}

impl<const PLACES: usize> RecentFrees<PLACES> {
    pub(crate) const fn new() -> Self {
        Self { entries: [RecentFree::EMPTY; PLACES], next_bytes: 0 }
    }

    /// Enters a block that is about to be freed. It is not remembered before [`RecentFrees::commit`]: the fast path may give
    /// up, and the slow path starts over.
    #[inline]
    pub(crate) fn prepare(&mut self, block: &Record) {
        let place = self.next_place();
        self.entries[place].block = *block;
    }

    /// Remembers the free of the block that was entered last.
    #[inline]
    pub(crate) fn commit(&mut self, free: &Origin, callers: [usize; CALLERS]) {
        let place = self.next_place();
        let entry = &mut self.entries[place];
        entry.callers = callers;
        entry.stamp = free.stamp;
        entry.task_and_cpu = u32::from(free.task) << 8 | u32::from(free.cpu);
        self.next_bytes = self.next_bytes.wrapping_add(size_of::<RecentFree>());
    }

    /// Remembers the free of a block.
    #[inline]
    pub(crate) fn note(&mut self, block: &Record, free: &Origin, callers: [usize; CALLERS]) {
        self.prepare(block);
        self.commit(free, callers);
    }

    #[inline]
    fn next_place(&self) -> usize {
        self.next_bytes / size_of::<RecentFree>() % PLACES
    }

    /// The frees that are remembered, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &RecentFree> {
        let (newer, older) = self.entries.split_at(self.next_place());
        // The entry at the next place may be one that was only prepared.
        let entries = newer.iter().rev().chain(older.iter().skip(1).rev());
        entries.filter(|entry| entry.block.address() != 0)
    }

    /// The last free of the block that started at `address`, if it is remembered.
    #[cold]
    #[inline(never)]
    pub(crate) fn find(&self, address: usize) -> Option<&RecentFree> {
        self.newest_first().find(|entry| entry.block.address() == address)
    }

    /// The return addresses of the last free, if it is the one of the block at `address`.
    pub(crate) fn last_callers(&mut self, address: usize) -> Option<&mut [usize; CALLERS]> {
        let last = self.next_place().checked_sub(1).unwrap_or(PLACES - 1);
        let entry = self.entries.get_mut(last)?;
        (entry.block.address() == address).then_some(&mut entry.callers)
    }

    /// Forgets the frees of `address`: a new block starts there, whose free will not be noted.
    #[inline]
    pub(crate) fn forget(&mut self, address: usize) {
        if self.next_bytes != 0 {
            forget_in(&mut self.entries, address);
        }
    }

    /// Forgets all frees.
    pub(crate) fn clear(&mut self) {
        if self.next_bytes != 0 {
            *self = Self::new();
        }
    }
}

/// Forgets the frees of `address` in a table of any length.
#[cold]
#[inline(never)]
fn forget_in(entries: &mut [RecentFree], address: usize) {
    for entry in entries {
        if entry.block.address() == address {
            entry.block = Record::EMPTY;
        }
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;

    use super::{RecentFrees, USUAL_PLACES};
    use crate::platform::STAMP_STEP;
    use crate::record::{Origin, Record};

    fn note(frees: &mut RecentFrees, address: usize, sequence: u64) {
        let free = Origin { sequence, stamp: 7 * STAMP_STEP, cpu: 3, task: 9, stack: 5 };
        frees.note(&Record::at(address, Layout::new::<u64>(), &free), &free, [address + 1, 0]);
    }

    #[test]
    fn the_last_free_of_an_address_is_found() {
        let mut frees = RecentFrees::<USUAL_PLACES>::new();
        assert!(frees.find(0).is_none());
        note(&mut frees, 0x1000, 1);
        note(&mut frees, 0x2000, 2);
        note(&mut frees, 0x1000, 3);
        let found = frees.find(0x1000).expect("just noted");
        let free = found.free();
        assert_eq!((found.block().sequence(), found.callers(), free.sequence()), (3, [0x1001, 0], 0));
        assert_eq!((free.stamp(), free.cpu(), free.task(), free.stack()), (7 * STAMP_STEP, 3, 9, 0));
        assert_eq!((free.address(), free.size_bytes(), found.block().stack()), (0x1000, 8, 5));
        assert!(frees.find(0x3000).is_none());
    }

    #[test]
    fn the_oldest_make_room() {
        let mut frees = RecentFrees::<USUAL_PLACES>::new();
        for number in 1..=USUAL_PLACES {
            note(&mut frees, number << 12, number as u64);
        }
        assert!(frees.find(1 << 12).is_none());
        assert!((2..=USUAL_PLACES).all(|number| frees.find(number << 12).is_some()));
        frees.forget(2 << 12);
        assert!(frees.find(2 << 12).is_none() && frees.find(3 << 12).is_some());
        frees.clear();
        assert!(frees.find(3 << 12).is_none());
    }

    #[test]
    fn what_was_only_prepared_is_not_found() {
        let mut frees = RecentFrees::<USUAL_PLACES>::new();
        let event = Origin { sequence: 1, stamp: 7, cpu: 0, task: 0, stack: 0 };
        frees.prepare(&Record::at(0x1000, Layout::new::<u64>(), &event));
        assert!(frees.find(0x1000).is_none());
        for number in 2..USUAL_PLACES + 2 {
            note(&mut frees, number << 12, 1);
        }
        frees.prepare(&Record::at(0x1000, Layout::new::<u64>(), &event));
        assert!(frees.find(0x1000).is_none());
    }
}

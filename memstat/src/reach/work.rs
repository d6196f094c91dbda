//! The work list of a scan: blocks whose words are to be read next. Its length is fixed.

/// Maximum number of addresses on the list.
const MAX_PENDING: usize = 1024;

/// The list. A block that it has no room for stays grey in its record, and is found by a walk over all records.
#[derive(Debug)]
pub(crate) struct WorkList {
    addresses: [usize; MAX_PENDING],
    length: usize,
    has_overflowed: bool,
}

impl WorkList {
    pub(crate) const fn new() -> Self {
        Self { addresses: [0; MAX_PENDING], length: 0, has_overflowed: false }
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
        self.has_overflowed = false;
    }

    pub(crate) fn push(&mut self, address: usize) {
        match self.addresses.get_mut(self.length) {
            Some(slot) => {
                *slot = address;
                self.length += 1;
            }
            None => self.has_overflowed = true,
        }
    }

    /// Removes the address that was added last: so a linked list of any length needs room for one.
    pub(crate) fn pop(&mut self) -> Option<usize> {
        self.length = self.length.checked_sub(1)?;
        self.addresses.get(self.length).copied()
    }

    /// Whether a push found no room since the last call of this.
    pub(crate) fn take_overflow(&mut self) -> bool {
        core::mem::take(&mut self.has_overflowed)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PENDING, WorkList};

    #[test]
    fn what_finds_no_room_is_reported_once() {
        let mut work = WorkList::new();
        (0..MAX_PENDING).for_each(|address| work.push(address));
        assert!(!work.take_overflow());
        work.push(MAX_PENDING);
        assert_eq!(work.pop(), Some(MAX_PENDING - 1));
        assert!(work.take_overflow() && !work.take_overflow());
        assert_eq!(std::iter::from_fn(|| work.pop()).count(), MAX_PENDING - 1);
    }
}

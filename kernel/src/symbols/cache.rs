//! Texts of addresses that were looked up: the rows of a table repeat their call sites.

use alloc::vec::Vec;

use arrayvec::ArrayString;

/// Texts that are kept.
pub(super) const SLOTS: usize = 256;
/// Slots that an address may have its text in.
const WAYS: usize = 4;
/// The bytes that all of them take.
pub(super) const SIZE_BYTES: usize = SLOTS * size_of::<Slot>();

/// A function with its offset, a file and a line; or some of them, a line each.
pub(super) type Text = ArrayString<432>;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// 0 where there is none.
    address: usize,
    text: Text,
}

/// Texts by address, in memory of their own.
#[derive(Debug)]
pub(super) struct Cache {
    slots: Vec<Slot>,
    /// Which way of a full set is overwritten next.
    next: usize,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { slots: alloc::vec![Slot { address: 0, text: Text::new_const() }; SLOTS], next: 0 }
    }

    pub(super) fn get(&self, address: usize) -> Option<&Text> {
        let found = self.slots.get(ways_of(address))?.iter().find(|slot| slot.address == address);
        found.map(|slot| &slot.text)
    }

    pub(super) fn insert(&mut self, address: usize, text: &Text) {
        let Some(ways) = self.slots.get_mut(ways_of(address)) else { return };
        let way = ways.iter().position(|slot| slot.address == 0).unwrap_or(self.next % WAYS);
        self.next = self.next.wrapping_add(1);
        if let Some(slot) = ways.get_mut(way) {
            *slot = Slot { address, text: *text };
        }
    }
}

fn ways_of(address: usize) -> core::ops::Range<usize> {
    let set = (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) % (SLOTS / WAYS);
    set * WAYS..(set + 1) * WAYS
}

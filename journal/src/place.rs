//! Where the black box's memory region is, and which of its slots is written next.
//!
//! A warm restart does not clear RAM, but firmware and boot loader use a part of it. `PLACES` are addresses that they left
//! alone on the machines that were tested. The place is chosen by the firmware's memory map only, so that the next boot
//! chooses the same one. `kernel/src/memory/pages/persistent.rs` manages the memory itself.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use boot::{MemoryRegion, PAddr, PhysicalRange, RegionKind};

/// Slots of the region: one keeps the record of the last boot, the other two are written in turn.
pub const SLOTS: usize = 3;
/// Size of a slot.
pub const SLOT_BYTES: usize = 32 << 10;
/// Size of all slots.
pub const REGION_BYTES: usize = SLOTS * SLOT_BYTES;

/// Where the region may start, the best place first. `SeaBIOS`, OVMF and GRUB wrote nothing from 32 MiB on up to some
/// megabytes below the end of RAM; `SeaBIOS` and GRUB nothing from 8 MiB on either.
const PLACES: [u64; 3] = [40 << 20, 24 << 20, 18 << 20];
/// The end of RAM is used by GRUB for what it loads, and by firmware.
const TOP_BYTES: u64 = 12 << 20;
const FOUR_GIB: u64 = 1 << 32;

/// Chooses the place of the region; `None` if no place of `PLACES` is free.
pub fn choose(regions: &[MemoryRegion], usable: &[PhysicalRange]) -> Option<PhysicalRange> {
    let is_low_ram =
        |region: &&MemoryRegion| region.kind == RegionKind::Usable && region.range.end() <= PAddr(FOUR_GIB);
    let top = regions.iter().filter(is_low_ram).map(|region| region.range.end()).max()?;
    let place = |start| PhysicalRange::new(PAddr(start), PAddr(start + REGION_BYTES as u64));
    PLACES.into_iter().map(place).find(|place| {
        let is_free = |range: &PhysicalRange| range.start() <= place.start() && place.end() <= range.end();
        place.end() + TOP_BYTES <= top && usable.iter().any(is_free)
    })
}

/// The bytes of the region that belong to a slot.
pub const fn slot_bytes(slot: usize) -> Range<usize> {
    slot * SLOT_BYTES..(slot + 1) * SLOT_BYTES
}

/// Ownership of the slots: one keeps the last boot's record, the others are written in turn by one writer at a time.
#[derive(Debug, Default)]
pub struct Turns {
    /// The slot that keeps the last boot's record; any, if there is none.
    preserved: AtomicUsize,
    is_borrowed: AtomicBool,
}

impl Turns {
    /// No record is kept, and nobody writes.
    pub const fn new() -> Self {
        Self { preserved: AtomicUsize::new(0), is_borrowed: AtomicBool::new(false) }
    }

    /// Borrows all slots; `false` if they are borrowed already.
    pub fn borrow(&self) -> bool {
        !self.is_borrowed.swap(true, Ordering::Acquire)
    }

    /// Takes all slots from whoever has them: for a kernel that has crashed.
    pub fn seize(&self) {
        self.is_borrowed.store(true, Ordering::Release);
    }

    /// Ends a borrow.
    pub fn give_back(&self) {
        self.is_borrowed.store(false, Ordering::Release);
    }

    /// Sets the slot that is never written.
    pub fn preserve(&self, slot: usize) {
        self.preserved.store(slot, Ordering::Relaxed);
    }

    /// The slot that is written in a turn: one for even turns, another for odd ones.
    pub fn slot(&self, turn: u64) -> usize {
        (self.preserved.load(Ordering::Relaxed) + 1 + (turn % 2) as usize) % SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(ram: &[(u64, u64)], taken_at: u64) -> Option<u64> {
        let ranges = ram.iter().map(|&(start, end)| PhysicalRange::new(PAddr(start), PAddr(end)));
        let regions: Vec<_> =
            ranges.clone().map(|range| MemoryRegion { range, kind: RegionKind::Usable }).collect();
        let usable: Vec<_> = ranges
            .flat_map(|range| {
                let middle = PAddr(taken_at).clamp(range.start(), range.end());
                [PhysicalRange::new(range.start(), middle), PhysicalRange::new(middle, range.end())]
            })
            .collect();
        choose(&regions, &usable).map(|place| place.start().as_u64())
    }

    #[test]
    fn place_lies_in_free_ram_away_from_its_end() {
        const MIB: u64 = 1 << 20;
        assert_eq!(place(&[(MIB, 256 * MIB)], 0), Some(40 * MIB));
        assert_eq!(place(&[(MIB, 32 * MIB - 4096)], 0), Some(18 * MIB));
        assert_eq!(place(&[(MIB, 40 * MIB)], 0), Some(24 * MIB));
        assert_eq!(place(&[(MIB, 24 * MIB)], 0), None);
        // What is taken, or no RAM, is passed over; RAM above 4 GiB does not count.
        assert_eq!(place(&[(MIB, 256 * MIB)], 40 * MIB + 4096), Some(24 * MIB));
        assert_eq!(place(&[(MIB, 20 * MIB), (30 * MIB, 60 * MIB)], 0), Some(40 * MIB));
        assert_eq!(place(&[(MIB, 20 * MIB), (4096 * MIB, 8192 * MIB)], 0), None);
    }

    #[test]
    fn slots_are_written_in_turn_and_the_last_boot_s_stays() {
        for kept in 0..SLOTS {
            let turns = Turns::new();
            assert!(turns.borrow() && !turns.borrow(), "one borrower at a time");
            turns.preserve(kept);
            turns.give_back();
            let mut memory = vec![0_u8; REGION_BYTES];
            memory[slot_bytes(kept).start] = 77;
            for turn in 0..10 {
                assert!(turns.borrow());
                memory[slot_bytes(turns.slot(turn))].fill(turn as u8);
                turns.give_back();
                let stays = &memory[slot_bytes(kept)];
                assert!(
                    stays[0] == 77 && stays[1..].iter().all(|byte| *byte == 0),
                    "slot {kept}, turn {turn}"
                );
            }
            turns.seize();
            for turn in 0..2 {
                let written = &memory[slot_bytes(turns.slot(turn))];
                assert!(written.len() == SLOT_BYTES && written.iter().all(|byte| *byte == 8 + turn as u8));
            }
            assert!(!turns.borrow(), "nobody writes after the end");
        }
    }
}

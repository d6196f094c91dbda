//! Memory whose contents outlive a restart: a fixed region that nobody else ever gets.
//!
//! No firmware clears RAM when a machine restarts warm, but firmware and loader use some of it. Where they do not, on the
//! machines that were looked at, is said at [`PLACES`]. Which place is taken follows from the firmware's map alone, so
//! that the next boot takes the same one.

use core::slice;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use boot::{MemoryRegion, PhysicalRange, RegionKind};

/// Parts of the region: one keeps what the last boot left, two are written in turn.
pub(crate) const SLOTS: usize = 3;
/// Bytes of each.
pub(crate) const SLOT_BYTES: usize = 32 << 10;
/// Bytes of all.
pub(crate) const REGION_BYTES: usize = SLOTS * SLOT_BYTES;

/// Where the region may start, the best place first. `SeaBIOS`, OVMF and GRUB wrote nothing from 32 MiB on up to some
/// megabytes below the end of RAM; `SeaBIOS` and GRUB nothing from 8 MiB on either.
const PLACES: [u64; 3] = [40 << 20, 24 << 20, 18 << 20];
/// Below the end of RAM GRUB keeps what it loads, and firmware its own.
const TOP_BYTES: u64 = 12 << 20;
const FOUR_GIB: u64 = 1 << 32;

static START: AtomicUsize = AtomicUsize::new(0);
/// The slot that keeps the last boot's record; any, if there is none.
static PRESERVED: AtomicUsize = AtomicUsize::new(0);
static IS_BORROWED: AtomicBool = AtomicBool::new(false);

/// The place for the region; `None` if the machine has none that is good.
pub(super) fn choose(regions: &[MemoryRegion], usable: &[PhysicalRange]) -> Option<PhysicalRange> {
    let is_low_ram =
        |region: &&MemoryRegion| region.kind == RegionKind::Usable && region.range.end <= FOUR_GIB;
    let top = regions.iter().filter(is_low_ram).map(|region| region.range.end).max()?;
    PLACES.into_iter().map(|start| PhysicalRange { start, end: start + REGION_BYTES as u64 }).find(|place| {
        let is_free = |range: &PhysicalRange| range.start <= place.start && place.end <= range.end;
        place.end + TOP_BYTES <= top && usable.iter().any(is_free)
    })
}

/// Takes the region over.
///
/// # Safety
///
/// At `start` lie [`REGION_BYTES`] of mapped RAM that nobody else uses, ever.
pub(super) unsafe fn start(start: usize) {
    START.store(start, Ordering::Release);
}

/// Where it lies, as addresses of the direct map; `None` if there is none.
pub(crate) fn region() -> Option<core::ops::Range<usize>> {
    let start = START.load(Ordering::Acquire);
    (start != 0).then(|| start..start + REGION_BYTES)
}

/// Lets `look` see the slots as the last boot left them, and say which of them stays so; then that one can be had for
/// good. To be called once, before anything is written.
pub(crate) fn preserve(look: impl FnOnce([&[u8]; SLOTS]) -> Option<usize>) -> Option<&'static [u8]> {
    let region = region()?;
    if IS_BORROWED.swap(true, Ordering::Acquire) {
        return None;
    }
    // SAFETY: the region is ours, and nobody writes to it while it is borrowed.
    let slot = |number: usize| unsafe {
        slice::from_raw_parts((region.start + number * SLOT_BYTES) as *const u8, SLOT_BYTES)
    };
    let chosen = look(core::array::from_fn(slot)).filter(|number| *number < SLOTS);
    PRESERVED.store(chosen.unwrap_or(0), Ordering::Relaxed);
    IS_BORROWED.store(false, Ordering::Release);
    // From here on nobody writes to this one.
    chosen.map(slot)
}

/// Hands `write` one of the two slots that are written, the same for all even or all odd turns. `None` without a region,
/// or if somebody writes now.
pub(crate) fn with_slot<R>(turn: u64, write: impl FnOnce(&mut [u8]) -> R) -> Option<R> {
    if IS_BORROWED.swap(true, Ordering::Acquire) {
        return None;
    }
    let result = slot(turn).map(write);
    IS_BORROWED.store(false, Ordering::Release);
    result
}

/// As [`with_slot`], for good, whoever writes now. Only for code after which nothing that ran before goes on: the end
/// of a kernel that has crashed.
pub(crate) fn seize_slot(turn: u64) -> Option<&'static mut [u8]> {
    IS_BORROWED.store(true, Ordering::Release);
    slot(turn)
}

fn slot(turn: u64) -> Option<&'static mut [u8]> {
    let region = region()?;
    let number = (PRESERVED.load(Ordering::Relaxed) + 1 + (turn % 2) as usize) % SLOTS;
    // SAFETY: inside the region, which is ours; never the slot that is kept, and the callers see to it that there is one
    // borrower at a time.
    Some(unsafe { slice::from_raw_parts_mut((region.start + number * SLOT_BYTES) as *mut u8, SLOT_BYTES) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(ram: &[(u64, u64)], taken_at: u64) -> Option<u64> {
        let ranges = ram.iter().map(|&(start, end)| PhysicalRange { start, end });
        let regions: Vec<_> =
            ranges.clone().map(|range| MemoryRegion { range, kind: RegionKind::Usable }).collect();
        let usable: Vec<_> = ranges
            .flat_map(|range| {
                let middle = taken_at.clamp(range.start, range.end);
                [PhysicalRange { end: middle, ..range }, PhysicalRange { start: middle, ..range }]
            })
            .collect();
        choose(&regions, &usable).map(|place| place.start)
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
        let memory = Box::leak(vec![0_u8; REGION_BYTES].into_boxed_slice());
        memory[SLOT_BYTES] = 77;
        assert!(with_slot(0, |_| ()).is_none(), "there is no region yet");
        // SAFETY: leaked for this.
        unsafe { start(memory.as_mut_ptr() as usize) };
        let kept = preserve(|slots| slots.iter().position(|slot| slot[0] == 77)).unwrap();
        for turn in 0..10 {
            with_slot(turn, |slot| slot.fill(turn as u8)).unwrap();
            assert_eq!(kept[0], 77);
            assert!(kept[1..].iter().all(|byte| *byte == 0));
        }
        let values: Vec<u8> = (0..2).map(|turn| seize_slot(turn).unwrap()[0]).collect();
        assert_eq!(values, [8, 9]);
        assert!(with_slot(0, |_| ()).is_none(), "nobody writes after the end");
    }
}

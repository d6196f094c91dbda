//! Persistent memory for the black box: a fixed region whose contents survive a restart, reserved from the frames.
//!
//! `journal::place` chooses the region and the slot for each turn; the memory itself is here.

use core::ptr::{NonNull, null_mut};
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering};

use boot::PhysicalRange;
pub(crate) use journal::place::{REGION_BYTES, choose};
use journal::place::{SLOT_BYTES, SLOTS, Turns, slot_bytes};

use crate::arch::direct_map;
use crate::memory::page_accounting::physical_of;

/// Start of the region in the direct map; null if there is none.
static START: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static TURNS: Turns = Turns::new();

/// Takes the region over.
///
/// # Safety
///
/// At `place` there are [`REGION_BYTES`] of mapped RAM, which nobody else ever uses.
pub(crate) unsafe fn start(place: PhysicalRange) {
    START.store(direct_map::to_virtual(place.start()).as_mut_ptr(), Ordering::Release);
}

fn region() -> Option<NonNull<u8>> {
    NonNull::new(START.load(Ordering::Acquire))
}

/// The region's place; `None` if there is none.
pub(crate) fn place() -> Option<PhysicalRange> {
    let start = physical_of(region()?);
    Some(PhysicalRange::new(start, start + REGION_BYTES))
}

/// Calls `look` with the slots as the last boot left them. The slot whose number it returns is preserved: it is returned
/// here and never written again. Called once, before anything is written.
pub(crate) fn preserve(look: impl FnOnce([&[u8]; SLOTS]) -> Option<usize>) -> Option<&'static [u8]> {
    let region = region()?;
    if !TURNS.borrow() {
        return None;
    }
    // SAFETY: the region is ours, and nobody writes to it while it is borrowed.
    let slot = |number: usize| unsafe {
        slice::from_raw_parts(region.add(slot_bytes(number).start).as_ptr(), SLOT_BYTES)
    };
    let chosen = look(core::array::from_fn(slot)).filter(|number| *number < SLOTS);
    TURNS.preserve(chosen.unwrap_or(0));
    TURNS.give_back();
    // From here on nobody writes to this one.
    chosen.map(slot)
}

/// Passes to `write` one of the two slots that are written in turn: one for even turns, one for odd ones. `None`
/// without a region, or if one is being written now.
pub(crate) fn with_slot<R>(turn: u64, write: impl FnOnce(&mut [u8]) -> R) -> Option<R> {
    if !TURNS.borrow() {
        return None;
    }
    let result = slot(turn).map(write);
    TURNS.give_back();
    result
}

/// As [`with_slot`], but for ever, even if a slot is being written. Only for the end of a kernel that has crashed: no
/// code that ran before continues.
pub(crate) fn seize_slot(turn: u64) -> Option<&'static mut [u8]> {
    TURNS.seize();
    slot(turn)
}

fn slot(turn: u64) -> Option<&'static mut [u8]> {
    let region = region()?;
    let number = TURNS.slot(turn);
    // SAFETY: inside the region, which is ours; never the slot that is kept, and the callers see to it that there is
    // one borrower at a time.
    Some(unsafe { slice::from_raw_parts_mut(region.add(slot_bytes(number).start).as_ptr(), SLOT_BYTES) })
}

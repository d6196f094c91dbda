//! The guard window: address space in which single pages are mapped and unmapped, for sampled blocks and the guard pages
//! between them.
//!
//! A protected page keeps its frame in its entry, without the present bit. The tables are made when the window is opened,
//! and stay, so no other function here needs frames: the page fault handler can unprotect a page.

use x86::tlb;

use super::{ADDRESS, FrameSource, NO_EXECUTE, OutOfFrames, PAGE_BYTES, PRESENT, SPACE, WRITABLE, index};
use super::{AddressSpace, PAddr, Size, VAddr, read_entry, set_entry};

/// Where the window starts.
pub(crate) const GUARD_WINDOW: VAddr = VAddr(0xffff_d000_0000_0000);
/// Bytes under one table of the lowest level.
const TABLE_SPAN_BYTES: usize = 2 << 20;

/// Makes the tables for this number of pages of the window; no page is mapped.
pub(crate) fn open(pages: usize, frames: FrameSource<'_>) -> Result<(), OutOfFrames> {
    let mut space = SPACE.lock();
    for offset in (0..pages * PAGE_BYTES as usize).step_by(TABLE_SPAN_BYTES) {
        let address = GUARD_WINDOW + offset;
        // Mapping a page makes its tables. It is mapped for a short time only, while no code touches it.
        if space.lowest_table(address).is_none() {
            space.map(address, PAddr::zero(), Size::Page, NO_EXECUTE, frames)?;
            space.set_leaf(address, 0);
        }
    }
    Ok(())
}

/// The frame of a page of the window, whether it is protected or not.
pub(crate) fn frame(address: VAddr) -> Option<PAddr> {
    let space = SPACE.lock();
    let frame = read_entry(space.lowest_table(address)?, index(address, 12)) & ADDRESS;
    (frame != 0).then_some(PAddr(frame))
}

/// Maps a page of the window to a frame, readable and writable.
pub(crate) fn map(address: VAddr, frame: PAddr) {
    SPACE.lock().set_leaf(address, frame.as_u64() | PRESENT | WRITABLE | NO_EXECUTE);
}

/// Makes a page of the window inaccessible; its frame stays.
pub(crate) fn protect(address: VAddr) {
    if let Some(frame) = frame(address) {
        SPACE.lock().set_leaf(address, frame.as_u64());
    }
}

/// Makes a page of the window inaccessible, and removes its frame.
pub(crate) fn unmap(address: VAddr) {
    SPACE.lock().set_leaf(address, 0);
}

impl AddressSpace {
    /// The table of the lowest level for an address.
    fn lowest_table(&self, address: VAddr) -> Option<PAddr> {
        [39, 30, 21].into_iter().try_fold(self.top, |table, shift| {
            let entry = read_entry(table, index(address, shift));
            (entry & PRESENT != 0).then_some(PAddr(entry & ADDRESS))
        })
    }

    /// Sets the entry of a page whose table exists.
    fn set_leaf(&mut self, address: VAddr, entry: u64) {
        if let Some(table) = self.lowest_table(address) {
            set_entry(table, index(address, 12), entry);
            // SAFETY: only invalidates the CPU's copy of the entry.
            unsafe { tlb::flush(address.as_usize()) };
        }
    }
}

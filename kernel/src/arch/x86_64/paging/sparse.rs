//! The sparse window: address space that reads as zeros where it has no memory of its own.
//!
//! What describes pages lies there, at an offset that follows from the page's address, so that finding it is one
//! addition however far apart the machine's memory lies; Linux's vmemmap is the same. All that has no memory shares one
//! page of zeros, which cannot be written, and the tables above it: these cost three pages, whatever the window spans.

use core::ops::Range;

use x86::controlregs::{cr3, cr3_write};

use super::{ADDRESS, ENTRIES, FrameSource, NO_EXECUTE, OutOfFrames, PAGE_BYTES, PRESENT, SPACE, WRITABLE};
use super::{AddressSpace, PAddr, VAddr, clear, index, read_entry, set_entry};

/// Where the window starts; it has one entry of the top table.
pub(crate) const SPARSE_WINDOW: VAddr = VAddr(0xffff_e000_0000_0000);
/// What one entry of the top table spans.
pub(crate) const SPARSE_WINDOW_BYTES: usize = 1 << 39;

/// The entries that stand for what has no memory, by level: a page, a table of pages, a table of those.
pub(super) type Absent = [u64; 3];

/// Makes the window, all of it zeros.
pub(crate) fn open(frames: FrameSource<'_>) -> Result<(), OutOfFrames> {
    let mut space = SPACE.lock();
    let page = frames().ok_or(OutOfFrames)?;
    clear(page);
    let page = page.as_u64() | PRESENT | NO_EXECUTE;
    let table = filled(page, frames)?;
    let directory = filled(table, frames)?;
    space.absent = [page, table, directory];
    set_entry(space.top, index(SPARSE_WINDOW, 39), filled(directory, frames)?);
    Ok(())
}

/// Gives the pages of a part of the window memory that can be written, of zeros. `part` counts from the window's start.
pub(crate) fn commit(part: Range<usize>, frames: FrameSource<'_>) -> Result<(), OutOfFrames> {
    let space = SPACE.lock();
    let page_bytes = PAGE_BYTES as usize;
    let pages = part.start / page_bytes..part.end.min(SPARSE_WINDOW_BYTES).div_ceil(page_bytes);
    let committed =
        pages.into_iter().try_for_each(|page| space.commit(SPARSE_WINDOW + page * page_bytes, frames));
    // SAFETY: the same tables as before; the CPU forgets what it knew of the pages that were absent.
    unsafe { cr3_write(cr3()) };
    committed
}

/// The entry for a fresh table, all entries of which are `entry`.
fn filled(entry: u64, frames: FrameSource<'_>) -> Result<u64, OutOfFrames> {
    let table = frames().ok_or(OutOfFrames)?;
    for number in 0..ENTRIES {
        set_entry(table, number, entry);
    }
    Ok(table.as_u64() | PRESENT | WRITABLE)
}

impl AddressSpace {
    /// Gives a page of the window memory, unless it has some.
    fn commit(&self, address: VAddr, frames: FrameSource<'_>) -> Result<(), OutOfFrames> {
        let [absent_page, absent_table, absent_directory] = self.absent;
        let mut table = PAddr(read_entry(self.top, index(address, 39)) & ADDRESS);
        for (shift, absent, below) in [(30, absent_directory, absent_table), (21, absent_table, absent_page)]
        {
            let mut entry = read_entry(table, index(address, shift));
            if entry == absent {
                entry = filled(below, frames)?;
                set_entry(table, index(address, shift), entry);
            }
            table = PAddr(entry & ADDRESS);
        }
        if read_entry(table, index(address, 12)) == absent_page {
            let page = frames().ok_or(OutOfFrames)?;
            clear(page);
            set_entry(table, index(address, 12), page.as_u64() | PRESENT | WRITABLE | NO_EXECUTE);
        }
        Ok(())
    }
}

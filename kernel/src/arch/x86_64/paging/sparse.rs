//! The sparse window: address space that reads as zeros unless memory is committed to it.
//!
//! It has the metadata of pages, at an offset computed from the page's address, so that a look-up is one addition, however
//! scattered the machine's memory is; Linux's vmemmap works the same way. Uncommitted parts share one read-only page of
//! zeros and the tables above it: these take three pages, however large the window is.

use core::ops::Range;

use x86::controlregs::{cr3, cr3_write};

use super::{ADDRESS, ENTRIES, FrameSource, NO_EXECUTE, OutOfFrames, PAGE_BYTES, PRESENT, SPACE, WRITABLE};
use super::{AddressSpace, PAddr, VAddr, clear, index, read_entry, set_entry};

/// Start of the window, which uses one entry of the top table.
pub(crate) const SPARSE_WINDOW: VAddr = VAddr(0xffff_e000_0000_0000);
/// Bytes mapped by one entry of the top table.
pub(crate) const SPARSE_WINDOW_BYTES: usize = 1 << 39;

/// The entries of uncommitted parts, by level: the page of zeros, a table of it, a table of those.
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

/// Commits zeroed, writable memory to the pages of `part`, a range of offsets in the window.
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
    /// Commits memory to a page of the window, unless it has some.
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

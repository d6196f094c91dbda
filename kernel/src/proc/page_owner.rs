//! `/proc/page_owner`: who took each page, in the format of Linux's file of that name.
//!
//! Its `page_owner_sort` sums up the text by call stack. As each entry there has 2^order pages, a run of another length has
//! several entries. Source: Linux, `mm/page_owner.c` (`print_page_owner`). There the file is in debugfs.

use core::fmt::{self, Write};

use memstat::Platform;
use tally_heap::PAGE_BYTES;
use vfs::Table;

use super::process;
use crate::arch::VAddr;
use crate::memory::Purpose;
use crate::memory::page_accounting::{number_of, page_with_number, physical_of};
use crate::memory::page_owners::{PageOwner, owner_of, visit_runs};
use crate::memory::page_tracker::page_tracker;
use crate::symbols::Symbolic;

/// Pages that are looked at at once.
const PAGES_AT_ONCE: usize = 1 << 16;
/// Pages in a block of Linux's that has one migrate type, as a power of two.
const BLOCK_ORDER: u32 = 9;

/// The file.
pub(super) struct PageOwnerFile;

impl Table for PageOwnerFile {
    fn header(&self, _: &mut dyn Write) -> fmt::Result {
        Ok(())
    }

    /// The cursor is the number of a page. One entry at a time: sixteen frames with long names take a good part of a batch.
    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        let cursor = cursor as usize;
        let here = page_with_number(cursor).map(|page| VAddr::from_usize(page.as_ptr() as usize));
        let inside = here.and_then(|page| Some((page, owner_of(page)?)));
        if let Some((page, owner)) = inside {
            let order = write_entry(&owner, page, out)?;
            return Ok(Some((cursor + (1 << order)) as u64));
        }
        let mut found = None;
        let next = visit_runs(cursor, PAGES_AT_ONCE, &mut |owner| {
            found = Some(*owner);
            false
        });
        let first = found
            .and_then(|owner: PageOwner| number_of(core::ptr::NonNull::new(owner.first.as_mut_ptr::<u8>())?));
        Ok(first.or(next).map(|number| number as u64))
    }
}

/// Writes the entry for the largest block from `page` on that belongs to the run, and returns its order.
fn write_entry(owner: &PageOwner, page: VAddr, out: &mut dyn Write) -> Result<u32, fmt::Error> {
    let offset = (page - owner.first).as_usize() / PAGE_BYTES;
    let left = owner.pages.saturating_sub(offset).max(1);
    let order = left.ilog2().min(offset.trailing_zeros());
    let stamp = owner.record.map_or(0, |record| record.stamp());
    let time_ns = if stamp == 0 { 0 } else { page_tracker().platform().stamp_to_ns(stamp) };
    let (pid, name) = (process::PID, process::NAME);
    writeln!(
        out,
        "Page allocated via order {order}, mask 0xcc0(GFP_KERNEL), pid {pid}, tgid {pid} ({name}), ts {time_ns} ns"
    )?;
    let frame = core::ptr::NonNull::new(page.as_mut_ptr::<u8>())
        .map_or(0, |page| physical_of(page).as_usize() / PAGE_BYTES);
    let block = frame >> BLOCK_ORDER;
    let flags =
        if owner.purpose == Some(Purpose::Heap) { "0x200(slab|node=0|zone=1)" } else { "0x0(node=0|zone=1)" };
    writeln!(out, "PFN 0x{frame:x} type Unmovable Block {block} type Unmovable Flags {flags}")?;
    if let Some(stack) = page_tracker().stacks().get(owner.stack()) {
        for address in stack.frames() {
            writeln!(out, " {}", Symbolic(VAddr::from_usize(*address)))?;
        }
    }
    writeln!(out)?;
    Ok(order)
}

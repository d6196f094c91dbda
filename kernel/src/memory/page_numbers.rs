//! Numbers of pages: all managed pages, numbered by address without gaps. Files name their pages so.

use core::ptr::NonNull;

use boot::PhysicalRange;
use spin::Once;
use tally_heap::{PAGE_BYTES, PageNumber, PageSpan};

use crate::arch::{PAddr, VAddr, direct_map};

/// The ranges with the pages that the frames may hand out.
static MANAGED: Once<&'static [PhysicalRange]> = Once::new();

/// The number of the lowest page: 1, as files use 0 for a hole.
pub(crate) const FIRST_NUMBER: usize = 1;

/// Sets the ranges.
pub(super) fn start(managed: &'static [PhysicalRange]) {
    MANAGED.call_once(|| managed);
}

fn managed() -> &'static [PhysicalRange] {
    MANAGED.get().copied().unwrap_or_default()
}

fn page_count(range: &PhysicalRange) -> usize {
    range.size_bytes() as usize / PAGE_BYTES
}

/// The physical address of pages that were taken here.
pub(crate) fn physical_of(pages: NonNull<u8>) -> PAddr {
    direct_map::to_physical(VAddr::from_usize(pages.as_ptr() as usize))
}

/// Number of numbered pages.
pub(crate) fn numbered_pages() -> usize {
    managed().iter().map(page_count).sum()
}

/// The number of a managed page.
pub(crate) fn number_of(page: NonNull<u8>) -> Option<usize> {
    let address = physical_of(page);
    let mut below = FIRST_NUMBER;
    for range in managed() {
        if (range.start()..range.end()).contains(&address) {
            return Some(below + (address - range.start()).as_usize() / PAGE_BYTES);
        }
        below += page_count(range);
    }
    None
}

/// The page with this number.
pub(crate) fn page_with_number(number: usize) -> Option<NonNull<u8>> {
    NonNull::new(pages_from(number)?.first().start())
}

/// The pages from the one with this number to the end of its range, in the direct map.
pub(super) fn pages_from(number: usize) -> Option<PageSpan> {
    let mut left = number.checked_sub(FIRST_NUMBER)?;
    for range in managed() {
        if left < page_count(range) {
            let page = |address| PageNumber::of(direct_map::to_virtual(address).as_ptr::<u8>());
            return Some(PageSpan::new(page(range.start() + left * PAGE_BYTES), page(range.end())));
        }
        left -= page_count(range);
    }
    None
}

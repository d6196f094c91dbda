//! The pages of the pool of sampled blocks. `report::invalid_access` explains faults in them.
//!
//! After an invalid access is reported, its guard page is mapped to a shared spare page so that the code can continue. What
//! it writes there is lost.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use tally_heap::PAGE_BYTES;

use crate::arch::paging::OutOfFrames;
use crate::arch::paging::window::{self, GUARD_WINDOW};
use crate::arch::{PAddr, VAddr, direct_map};
use crate::memory::page_accounting::{Purpose, give_pages, physical_of, take_pages};

/// The spare page in the direct map; null while there is no window.
static SPARE: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// Pages of the window.
static PAGES: AtomicUsize = AtomicUsize::new(0);

fn address(page: NonNull<u8>) -> VAddr {
    VAddr::from_usize(page.as_ptr() as usize)
}

/// The frame of the spare page; frame 0, which is never used, while there is none.
fn spare_frame() -> PAddr {
    NonNull::new(SPARE.load(Ordering::Relaxed)).map_or(PAddr::zero(), physical_of)
}

/// As [`memstat::GuardPages::open_window`].
#[cold]
pub(crate) fn open(pages: usize) -> Option<NonNull<u8>> {
    let spare = take_pages(0, Purpose::GuardPages)?;
    let opened: Result<(), OutOfFrames> =
        window::open(pages, &mut || take_pages(0, Purpose::PageTables).map(physical_of));
    if opened.is_err() {
        // SAFETY: taken just now.
        unsafe { give_pages(spare, 0) };
        return None;
    }
    SPARE.store(spare.as_ptr(), Ordering::Relaxed);
    PAGES.store(pages, Ordering::Relaxed);
    NonNull::new(GUARD_WINDOW.as_mut_ptr())
}

/// As [`memstat::GuardPages::close_window`].
#[cold]
pub(crate) fn close() {
    // Pages may have been unprotected while the tracker's lock was held, which it does not know of.
    for number in 0..PAGES.swap(0, Ordering::Relaxed) {
        window::unmap(GUARD_WINDOW + number * PAGE_BYTES);
    }
    if let Some(spare) = NonNull::new(SPARE.swap(null_mut(), Ordering::Relaxed)) {
        // SAFETY: no page of the window leads to it any more.
        unsafe { give_pages(spare, 0) };
    }
}

/// As [`memstat::GuardPages::commit_page`].
#[cold]
pub(crate) fn commit(page: NonNull<u8>) -> bool {
    let Some(memory) = take_pages(0, Purpose::GuardPages) else { return false };
    window::map(address(page), physical_of(memory));
    true
}

/// As [`memstat::GuardPages::decommit_page`].
///
/// # Safety
///
/// As there.
#[cold]
pub(crate) unsafe fn decommit(page: NonNull<u8>) {
    let address = address(page);
    let Some(frame) = window::frame(address) else { return };
    window::unmap(address);
    if let Some(memory) = NonNull::new(direct_map::to_virtual(frame).as_mut_ptr()) {
        // SAFETY: `commit` took it, and nothing leads to it any more.
        unsafe { give_pages(memory, 0) };
    }
}

/// As [`memstat::GuardPages::unprotect_page`].
#[cold]
pub(crate) fn unprotect(page: NonNull<u8>) {
    let address = address(page);
    window::map(address, window::frame(address).unwrap_or_else(spare_frame));
}

/// As [`memstat::GuardPages::protect_page`].
#[cold]
pub(crate) fn protect(page: NonNull<u8>) {
    let address = address(page);
    if window::frame(address) == Some(spare_frame()) {
        window::unmap(address);
    } else {
        window::protect(address);
    }
}

/// Whether an address lies in the window.
pub(crate) fn contains(address: VAddr) -> bool {
    let end = GUARD_WINDOW + PAGES.load(Ordering::Relaxed) * PAGE_BYTES;
    (GUARD_WINDOW..end).contains(&address)
}

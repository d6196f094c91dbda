//! The pages of the pool of sampled blocks. What an access to one of them means, `report::invalid_access` finds out.
//!
//! Guard pages that are opened, for an access that went there to go on, share one spare page: what is written there is
//! lost, and nobody's.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::arch::paging::window::{self, GUARD_WINDOW};
use crate::arch::paging::{DIRECT_MAP, OutOfFrames};
use crate::memory::frames::PAGE_BYTES;
use crate::memory::page_accounting::{Purpose, give_pages, take_pages};

/// The address of the spare page in the direct map; 0 while there is no window.
static SPARE: AtomicUsize = AtomicUsize::new(0);
/// Pages of the window.
static PAGES: AtomicUsize = AtomicUsize::new(0);

fn physical(page: usize) -> u64 {
    (page - DIRECT_MAP) as u64
}

fn spare_frame() -> u64 {
    physical(SPARE.load(Ordering::Relaxed).max(DIRECT_MAP))
}

/// As [`memstat::GuardPages::open_window`].
#[cold]
pub(crate) fn open(pages: usize) -> Option<NonNull<u8>> {
    let spare = take_pages(0, Purpose::GuardPages)?;
    let opened: Result<(), OutOfFrames> = window::open(pages, &mut || {
        take_pages(0, Purpose::PageTables).map(|page| physical(page.as_ptr() as usize))
    });
    if opened.is_err() {
        // SAFETY: taken just now.
        unsafe { give_pages(spare, 0, Purpose::GuardPages) };
        return None;
    }
    SPARE.store(spare.as_ptr() as usize, Ordering::Relaxed);
    PAGES.store(pages, Ordering::Relaxed);
    NonNull::new(GUARD_WINDOW as *mut u8)
}

/// As [`memstat::GuardPages::close_window`].
#[cold]
pub(crate) fn close() {
    // Of what was shown while the tracker could not be asked it does not know.
    for number in 0..PAGES.swap(0, Ordering::Relaxed) {
        window::clear(GUARD_WINDOW + number * PAGE_BYTES);
    }
    if let Some(spare) = NonNull::new(SPARE.swap(0, Ordering::Relaxed) as *mut u8) {
        // SAFETY: no page of the window leads to it any more.
        unsafe { give_pages(spare, 0, Purpose::GuardPages) };
    }
}

/// As [`memstat::GuardPages::commit_page`].
#[cold]
pub(crate) fn commit(page: NonNull<u8>) -> bool {
    let Some(memory) = take_pages(0, Purpose::GuardPages) else { return false };
    window::show(page.as_ptr() as usize, physical(memory.as_ptr() as usize));
    true
}

/// As [`memstat::GuardPages::decommit_page`].
///
/// # Safety
///
/// As there.
#[cold]
pub(crate) unsafe fn decommit(page: NonNull<u8>) {
    let address = page.as_ptr() as usize;
    let Some(frame) = window::frame(address) else { return };
    window::clear(address);
    if let Some(memory) = NonNull::new((frame as usize + DIRECT_MAP) as *mut u8) {
        // SAFETY: `commit` took it, and nothing leads to it any more.
        unsafe { give_pages(memory, 0, Purpose::GuardPages) };
    }
}

/// As [`memstat::GuardPages::unprotect_page`].
#[cold]
pub(crate) fn unprotect(page: NonNull<u8>) {
    let address = page.as_ptr() as usize;
    window::show(address, window::frame(address).unwrap_or_else(spare_frame));
}

/// As [`memstat::GuardPages::protect_page`].
#[cold]
pub(crate) fn protect(page: NonNull<u8>) {
    let address = page.as_ptr() as usize;
    if window::frame(address) == Some(spare_frame()) {
        window::clear(address);
    } else {
        window::hide(address);
    }
}

/// Whether an address lies in the window.
pub(crate) fn contains(address: usize) -> bool {
    address.wrapping_sub(GUARD_WINDOW) < PAGES.load(Ordering::Relaxed).wrapping_mul(PAGE_BYTES)
}

//! The pages of the pool of sampled blocks, and what the page fault handler asks about one of them.
//!
//! Guard pages that are opened, for an access that went there to go on, share one spare page: what is written there is
//! lost, and nobody's.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use memstat::{Access, InvalidAccess, Unexplained};

use crate::arch::idt::InterruptFrame;
use crate::arch::paging::window::{self, GUARD_WINDOW};
use crate::arch::paging::{DIRECT_MAP, OutOfFrames};
use crate::arch::{backtrace, cpu};
use crate::memory::frames::PAGE_BYTES;
use crate::memory::heap::tracker;
use crate::memory::page_accounting::{Purpose, give_pages, take_pages};
use crate::memory::report::{self, corruption};
use crate::symbols::ReturnAddress;

/// The address of the spare page in the direct map; 0 while there is no window.
static SPARE: AtomicUsize = AtomicUsize::new(0);
/// Pages of the window.
static PAGES: AtomicUsize = AtomicUsize::new(0);
/// Accesses that came from inside the allocator: the tracker does not know of them.
static UNEXPLAINED: AtomicU64 = AtomicU64::new(0);

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

/// Accesses to the pool from inside the allocator, where nothing is known of them.
pub(crate) fn unexplained() -> u64 {
    UNEXPLAINED.load(Ordering::Relaxed)
}

/// Reports a page fault that was an access past a sampled block, or after its free, and says whether it was one: then
/// the page can be touched now, and the instruction may come again.
///
/// Whatever lock the faulting code holds, nothing here waits for it: under those of the log and the console nobody touches
/// the heap, and if the tracker's is held, only the address is told.
pub(crate) fn explain(fault: &InterruptFrame) -> bool {
    const PRESENT: u64 = 1;
    const WRITE: u64 = 1 << 1;
    const FETCH: u64 = 1 << 4;
    let [_, address, ..] = cpu::control_registers();
    let address = address as usize;
    let is_inside =
        address.wrapping_sub(GUARD_WINDOW) < PAGES.load(Ordering::Relaxed).wrapping_mul(PAGE_BYTES);
    if !is_inside || fault.error_code & (PRESENT | FETCH) != 0 {
        return false;
    }
    let access = if fault.error_code & WRITE == 0 { Access::Read } else { Access::Write };
    match tracker().guards().explain_access(address, access) {
        Ok(found) => report(&found, fault),
        Err(Unexplained::Foreign) => return false,
        Err(Unexplained::Busy) => {
            UNEXPLAINED.fetch_add(1, Ordering::Relaxed);
            if let Some(page) = NonNull::new((address & !(PAGE_BYTES - 1)) as *mut u8) {
                unprotect(page);
            }
            log::error!("a sampled block's guard page, or a freed one, at {address:#x} was touched by:");
            log::error!("    {}; this was inside the allocator, and more is not known", instruction(fault));
        }
    }
    true
}

/// The instruction that faulted. It is named as the call before a return address is, and that lies behind it.
fn instruction(fault: &InterruptFrame) -> ReturnAddress {
    ReturnAddress((fault.rip as usize).wrapping_add(1))
}

#[cold]
#[inline(never)]
fn report(found: &InvalidAccess, fault: &InterruptFrame) {
    log::error!("{found}, in:");
    log::error!("    {}", instruction(fault));
    report::show(backtrace::walk(fault.rbp as usize));
    corruption::show_life(Some(&found.block), found.free.as_ref());
}

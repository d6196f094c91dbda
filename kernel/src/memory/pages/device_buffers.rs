//! Pages that a device reads and writes: queues and buffers of the virtio console.

use core::ptr::NonNull;

use tally_heap::PAGE_BYTES;

use crate::memory::page_accounting::{Purpose, give_pages, take_pages};

/// Takes 2^`order` pages, zeroed.
pub(in crate::memory) fn take(order: u32) -> Option<NonNull<u8>> {
    let pages = take_pages(order, Purpose::Drivers)?;
    // SAFETY: just taken, so nobody else's.
    unsafe { pages.write_bytes(0, PAGE_BYTES << order) };
    Some(pages)
}

/// Gives 2^`order` pages back.
///
/// # Safety
///
/// Neither the kernel nor the device uses the pages any more.
pub(in crate::memory) unsafe fn give(pages: NonNull<u8>, order: u32) {
    // SAFETY: upheld by the caller.
    unsafe { give_pages(pages, order) };
}

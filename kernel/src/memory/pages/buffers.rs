//! Buffers for the text of open files: whole pages outside of the heap, so that reading a file about the heap does not
//! change it.
//!
//! A few are reserved at boot, and some single pages for pipes. Buffers are lent from the reserve as long as it lasts: so
//! reading a file about pages takes none, and reports can still be read when memory has run out. The single pages are lent
//! when no other page is free.

use core::ptr::NonNull;
use core::slice;

use tally_heap::PAGE_BYTES;
use vfs::{BATCH_BYTES, Buffers};

use crate::memory::page_accounting::{Purpose, give_pages, take_pages};
use crate::sync::IrqLock;

/// Pages from the frames.
#[derive(Debug)]
pub(crate) struct PageBuffers;

/// Reserved buffers.
const RESERVED: usize = 3;
/// Size of a reserved buffer: a batch of a table.
const RESERVED_BYTES: usize = BATCH_BYTES;
/// Reserved single pages.
const RESERVED_PAGES: usize = 8;

static RESERVE: IrqLock<Reserve<RESERVED>> = IrqLock::new(Reserve([const { None }; RESERVED]));
static PAGE_RESERVE: IrqLock<Reserve<RESERVED_PAGES>> =
    IrqLock::new(Reserve([const { None }; RESERVED_PAGES]));

/// Reserved memory, in pieces of one size.
struct Reserve<const COUNT: usize>([Option<Reserved>; COUNT]);

struct Reserved {
    start: NonNull<u8>,
    is_lent: bool,
}

// SAFETY: the pages belong to the reserve, wherever it is used from.
unsafe impl Send for Reserved {}

/// Reserves buffers, as far as memory is free.
pub(crate) fn reserve() {
    if let Some(order) = order(RESERVED_BYTES) {
        RESERVE.lock().fill(order);
    }
    PAGE_RESERVE.lock().fill(0);
}

/// The order of the pages for a buffer.
fn order(size_bytes: usize) -> Option<u32> {
    Some(size_bytes.div_ceil(PAGE_BYTES).max(1).checked_next_power_of_two()?.trailing_zeros())
}

impl<const COUNT: usize> Reserve<COUNT> {
    /// Reserves pieces of 2^`order` pages.
    fn fill(&mut self, order: u32) {
        for slot in &mut self.0 {
            *slot = take_pages(order, Purpose::Buffers).map(|start| Reserved { start, is_lent: false });
        }
    }

    /// Lends a piece that is not lent already.
    fn lend(&mut self) -> Option<NonNull<u8>> {
        let piece = self.0.iter_mut().flatten().find(|piece| !piece.is_lent)?;
        piece.is_lent = true;
        Some(piece.start)
    }

    /// Takes a piece back, if it is from here.
    fn take_back(&mut self, start: NonNull<u8>) -> bool {
        let lent = self.0.iter_mut().flatten().find(|piece| piece.start == start);
        lent.map(|piece| piece.is_lent = false).is_some()
    }
}

/// One of the reserved buffers.
fn lend(size_bytes: usize) -> Option<NonNull<u8>> {
    if size_bytes <= RESERVED_BYTES { RESERVE.lock().lend() } else { None }
}

impl Buffers for PageBuffers {
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]> {
        let order = order(size_bytes)?;
        let size_bytes = PAGE_BYTES << order;
        // The reserve comes first, so that reading a file about pages takes none.
        let pages = lend(size_bytes).or_else(|| take_pages(order, Purpose::Buffers))?;
        // SAFETY: fresh pages or a buffer that is lent to nobody else, ours until `give`; writing them makes them
        // initialised.
        unsafe {
            pages.write_bytes(0, size_bytes);
            Some(slice::from_raw_parts_mut(pages.as_ptr(), size_bytes))
        }
    }

    fn give(&self, buffer: &'static mut [u8]) {
        let (Some(order), Some(pages)) = (order(buffer.len()), NonNull::new(buffer.as_mut_ptr())) else {
            return;
        };
        if !RESERVE.lock().take_back(pages) {
            // SAFETY: the only reference to the pages came back, with the length that `take` made.
            unsafe { give_pages(pages, order) };
        }
    }
}

/// A single page with the same purpose, for pipes; a reserved one if no other is free.
pub(crate) fn take_page() -> Option<NonNull<u8>> {
    take_pages(0, Purpose::Buffers).or_else(|| PAGE_RESERVE.lock().lend())
}

/// Takes a single page back.
///
/// # Safety
///
/// It comes from [`take_page`], and nobody refers to it any more.
pub(crate) unsafe fn give_page(page: NonNull<u8>) {
    if !PAGE_RESERVE.lock().take_back(page) {
        // SAFETY: upheld by the caller.
        unsafe { give_pages(page, 0) };
    }
}

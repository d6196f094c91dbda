//! Buffers for the text of open files: whole pages, apart from the heap, so that reading a file about the
//! heap does not change it.
//!
//! A few are set aside at boot. They are lent when there are no other pages, so that a person can still look at
//! what has taken them all.

use core::ptr::NonNull;
use core::slice;

use vfs::{BATCH_BYTES, Buffers};

use super::frames::PAGE_BYTES;
use super::heaps::PageSource;
use super::machine::{Purpose, give_pages, take_pages};
use super::page_chain::PageChain;
use crate::sync::IrqLock;

/// Pages from the frames.
#[derive(Debug)]
pub(crate) struct PageBuffers;

/// Buffers that are set aside.
const RESERVED: usize = 3;
/// What each of them can hold: a batch of a table.
const RESERVED_BYTES: usize = BATCH_BYTES;

static RESERVE: IrqLock<[Option<Reserved>; RESERVED]> = IrqLock::new([const { None }; RESERVED]);

struct Reserved {
    start: NonNull<u8>,
    is_lent: bool,
}

// SAFETY: the pages belong to the reserve, wherever it is used from.
unsafe impl Send for Reserved {}

/// Sets buffers aside, as many as there is memory for.
pub(crate) fn reserve() {
    let Some(order) = order(RESERVED_BYTES) else { return };
    for slot in RESERVE.lock().iter_mut() {
        *slot = take_pages(order, Purpose::Buffers).map(|start| Reserved { start, is_lent: false });
    }
}

/// The order of the pages for a buffer.
fn order(size_bytes: usize) -> Option<u32> {
    Some(size_bytes.div_ceil(PAGE_BYTES).max(1).checked_next_power_of_two()?.trailing_zeros())
}

/// One of the reserved buffers.
fn lend(size_bytes: usize) -> Option<NonNull<u8>> {
    let mut reserve = RESERVE.lock();
    let free = reserve.iter_mut().flatten().find(|buffer| !buffer.is_lent);
    let buffer = free.filter(|_| size_bytes <= RESERVED_BYTES)?;
    buffer.is_lent = true;
    Some(buffer.start)
}

/// Takes a buffer back into the reserve, if it is from there.
fn take_back(start: NonNull<u8>) -> bool {
    let mut reserve = RESERVE.lock();
    let lent = reserve.iter_mut().flatten().find(|buffer| buffer.start == start);
    lent.map(|buffer| buffer.is_lent = false).is_some()
}

impl Buffers for PageBuffers {
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]> {
        let order = order(size_bytes)?;
        let (pages, size_bytes) = match take_pages(order, Purpose::Buffers) {
            Some(pages) => (pages, PAGE_BYTES << order),
            None => (lend(size_bytes)?, RESERVED_BYTES),
        };
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
        if !take_back(pages) {
            // SAFETY: the only reference to the pages came back, with the length that `take` made.
            unsafe { give_pages(pages, order, Purpose::Buffers) };
        }
    }
}

/// Single pages from the same purse.
#[derive(Debug)]
pub(crate) struct BufferPages;

// SAFETY: the frames hand each page out once, aligned to the block's size.
unsafe impl PageSource for BufferPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        take_pages(order, Purpose::Buffers)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: handed on to the caller.
        unsafe { give_pages(pages, order, Purpose::Buffers) };
    }
}

/// Bytes on their way from one command to the next.
pub(crate) type Pipe = PageChain<BufferPages>;

impl Pipe {
    /// An empty one.
    pub(crate) const fn empty() -> Self {
        Self::new(BufferPages)
    }
}

//! Buffers for the text of open files: whole pages, apart from the heap, so that reading a file about the
//! heap does not change it.

use core::ptr::NonNull;
use core::slice;

use vfs::Buffers;

use super::frames::PAGE_BYTES;
use super::heaps::PageSource;
use super::machine::{Purpose, give_pages, take_pages};
use super::page_chain::PageChain;

/// Pages from the frames.
#[derive(Debug)]
pub(crate) struct PageBuffers;

/// The order of the pages for a buffer.
fn order(size_bytes: usize) -> Option<u32> {
    Some(size_bytes.div_ceil(PAGE_BYTES).max(1).checked_next_power_of_two()?.trailing_zeros())
}

impl Buffers for PageBuffers {
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]> {
        let order = order(size_bytes)?;
        let pages = take_pages(order, Purpose::Buffers)?;
        let size_bytes = PAGE_BYTES << order;
        // SAFETY: fresh pages, ours until `give`; writing them makes them initialised.
        unsafe {
            pages.write_bytes(0, size_bytes);
            Some(slice::from_raw_parts_mut(pages.as_ptr(), size_bytes))
        }
    }

    fn give(&self, buffer: &'static mut [u8]) {
        let (Some(order), Some(pages)) = (order(buffer.len()), NonNull::new(buffer.as_mut_ptr())) else {
            return;
        };
        // SAFETY: the only reference to the pages came back, with the length that `take` made.
        unsafe { give_pages(pages, order, Purpose::Buffers) };
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

//! Pipes: what one command writes waits in single pages, apart from the heap, until the next one reads it.

use core::ptr::NonNull;

use super::buffers;
use crate::memory::heaps::PageSource;
use crate::memory::page_accounting::{Purpose, give_pages, take_pages};
use crate::memory::pages::page_chain::PageChain;

/// Single pages, of the buffers' purse.
#[derive(Debug)]
pub(crate) struct BufferPages;

// SAFETY: the frames hand each page out once, aligned to the block's size.
unsafe impl PageSource for BufferPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        let pages = take_pages(order, Purpose::Buffers);
        pages.or_else(|| if order == 0 { buffers::lend_page() } else { None })
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        if !buffers::take_page_back(pages) {
            // SAFETY: handed on to the caller.
            unsafe { give_pages(pages, order, Purpose::Buffers) };
        }
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

//! Buffers for the text of open files: whole pages, apart from the heap, so that reading a file about the
//! heap does not change it.

use core::ptr::NonNull;
use core::slice;

use vfs::Buffers;

use super::frames::PAGE_BYTES;
use super::machine::{Purpose, give_pages, take_pages};

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

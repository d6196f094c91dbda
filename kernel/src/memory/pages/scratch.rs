//! Tables in pages of their own, for reports and measurements that must not change the heap.

use core::ptr::NonNull;
use core::slice;

use tally_heap::PAGE_BYTES;

use crate::memory::page_accounting::{Purpose, give_pages, take_pages};

/// A table of fixed length.
pub(crate) struct Scratch<T> {
    start: NonNull<T>,
    length: usize,
    order: u32,
}

// SAFETY: the pages belong to the table, wherever it is used from.
unsafe impl<T: Send> Send for Scratch<T> {}

impl<T: Copy> Scratch<T> {
    /// A table of `length` elements; `None` if there is no contiguous memory.
    pub(crate) fn new(length: usize, mut element: impl FnMut() -> T) -> Option<Self> {
        let pages = length.checked_mul(size_of::<T>())?.div_ceil(PAGE_BYTES).checked_next_power_of_two()?;
        let order = pages.trailing_zeros();
        let start = take_pages(order, Purpose::Buffers)?.cast::<T>();
        for number in 0..length {
            // SAFETY: inside the pages, which are ours alone and aligned for anything.
            unsafe { start.add(number).write(element()) };
        }
        Some(Self { start, length, order })
    }

    /// Where its pages start.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start.cast()
    }

    /// Size of its pages in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        PAGE_BYTES << self.order
    }

    /// The elements.
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: `new` wrote this number of elements; nobody changes them while `&self` lives.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    /// The elements, mutable.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: `new` wrote this number of elements; `&mut self` makes the reference unique.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl<T> Drop for Scratch<T> {
    fn drop(&mut self) {
        // SAFETY: taken with this order and purpose; nobody refers to them any more.
        unsafe { give_pages(self.start.cast(), self.order) };
    }
}

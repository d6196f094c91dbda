//! Tables in pages of their own, for reports and measurements that must not change the heap.

use core::ptr::NonNull;
use core::slice;

use tally_heap::PAGE_BYTES;

use crate::memory::page_accounting::{Purpose, give_run, take_run};

/// A table of fixed length.
pub(crate) struct Scratch<T> {
    start: NonNull<T>,
    length: usize,
    pages: usize,
}

// SAFETY: the pages belong to the table, wherever it is used from.
unsafe impl<T: Send> Send for Scratch<T> {}

impl<T: Copy> Scratch<T> {
    /// A table of `length` elements; `None` if there is no contiguous memory.
    pub(crate) fn new(length: usize, mut element: impl FnMut() -> T) -> Option<Self> {
        let pages = length.checked_mul(size_of::<T>())?.div_ceil(PAGE_BYTES).max(1);
        let order = pages.checked_next_power_of_two()?.trailing_zeros();
        let start = take_run(pages, order, Purpose::Buffers)?.cast::<T>();
        for number in 0..length {
            // SAFETY: inside the pages, which are ours alone and aligned for anything.
            unsafe { start.add(number).write(element()) };
        }
        Some(Self { start, length, pages })
    }

    /// Where its pages start.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start.cast()
    }

    /// Size of its pages in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.pages * PAGE_BYTES
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
        // SAFETY: taken by `new`, and nobody refers to them any more.
        unsafe { give_run(self.start.cast()) };
    }
}

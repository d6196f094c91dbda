//! The host's memory as pages and buffers: counted, and made to run out when a test asks for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use vfs::{Buffers, Pages, RAM_PAGE_BYTES};

/// A lender that knows what is out.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Book>);

#[derive(Default)]
struct Book {
    pages: Vec<Option<Box<[u8; RAM_PAGE_BYTES]>>>,
    /// Numbers of pages that came back.
    free: Vec<u32>,
    /// Buffers that came back, to be lent again: a test may take thousands.
    buffers: Vec<&'static mut [u8]>,
    lent_buffers: usize,
    /// Takings until one fails; 0 when that is behind us.
    fails_at: Option<u64>,
}

impl Memory {
    /// One that lives as long as the program.
    pub(crate) fn new() -> &'static Self {
        Box::leak(Box::default())
    }

    /// Pages and buffers that are out.
    pub(crate) fn lent(&self) -> usize {
        let book = self.book();
        book.pages.len() - book.free.len() + book.lent_buffers
    }

    /// Lets the taking of this number, counted from 1, fail: once.
    pub(crate) fn fail_at(&self, number: u64) {
        self.book().fails_at = Some(number);
    }

    /// Lets none fail any more, and says whether one did.
    pub(crate) fn stop_failing(&self) -> bool {
        self.book().fails_at.take() == Some(0)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A test that has failed is told of by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Counts a taking; says whether it fails.
    fn must_fail(&mut self) -> bool {
        let Some(left) = self.fails_at.as_mut().filter(|left| **left > 0) else { return false };
        *left -= 1;
        *left == 0
    }

    fn page(&mut self, number: u32) -> &mut [u8; RAM_PAGE_BYTES] {
        let page = self.pages.get_mut(number as usize - 1).and_then(Option::as_mut);
        page.expect("no page is used that is not out")
    }
}

impl Pages for Memory {
    fn take(&self) -> Option<u32> {
        let mut book = self.book();
        if book.must_fail() {
            return None;
        }
        let number = book.free.pop().unwrap_or_else(|| {
            book.pages.push(None);
            book.pages.len() as u32
        });
        book.pages[number as usize - 1] = Some(Box::new([0; RAM_PAGE_BYTES]));
        Some(number)
    }

    fn give(&self, page: u32) {
        let mut book = self.book();
        book.page(page);
        book.pages[page as usize - 1] = None;
        book.free.push(page);
    }

    fn read(&self, page: u32, offset: usize, target: &mut [u8]) {
        target.copy_from_slice(&self.book().page(page)[offset..][..target.len()]);
    }

    fn write(&self, page: u32, offset: usize, bytes: &[u8]) {
        self.book().page(page)[offset..][..bytes.len()].copy_from_slice(bytes);
    }
}

impl Buffers for Memory {
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]> {
        let mut book = self.book();
        if book.must_fail() {
            return None;
        }
        book.lent_buffers += 1;
        let known = book.buffers.iter().position(|buffer| buffer.len() >= size_bytes);
        let buffer = known.map(|place| book.buffers.swap_remove(place));
        let buffer = buffer.unwrap_or_else(|| {
            // As the kernel's: whole pages, a power of two of them.
            let pages = size_bytes.div_ceil(RAM_PAGE_BYTES).max(1).next_power_of_two();
            bytemuck::cast_slice_mut::<u64, u8>(vec![0; pages * RAM_PAGE_BYTES / 8].leak())
        });
        // What was left by the last one must not be relied on.
        buffer.fill(0xa5);
        Some(buffer)
    }

    fn give(&self, buffer: &'static mut [u8]) {
        let mut book = self.book();
        book.lent_buffers = book.lent_buffers.checked_sub(1).expect("no buffer comes back twice");
        book.buffers.push(buffer);
    }
}

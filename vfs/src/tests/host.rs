//! The host as a lender of memory.

use std::boxed::Box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::vec;
use std::vec::Vec;

use crate::{Buffers, Pages, RAM_PAGE_BYTES, RamFs};

/// Lends host memory and counts what is out.
#[derive(Default)]
pub(crate) struct HostBuffers {
    pub(crate) lent: AtomicUsize,
    pub(crate) is_empty: AtomicBool,
}

impl Buffers for HostBuffers {
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]> {
        if self.is_empty.load(Ordering::Relaxed) {
            return None;
        }
        self.lent.fetch_add(1, Ordering::Relaxed);
        Some(Box::leak(vec![0; size_bytes].into_boxed_slice()))
    }

    fn give(&self, _buffer: &'static mut [u8]) {
        self.lent.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lends numbered pages of host memory.
#[derive(Default)]
pub(crate) struct HostPages {
    book: Mutex<Book>,
    steps: AtomicU64,
}

#[derive(Default)]
struct Book {
    pages: Vec<Option<Box<[u8; RAM_PAGE_BYTES]>>>,
    free: Vec<u32>,
    /// How many can be taken until one can't.
    left: Option<u64>,
}

impl HostPages {
    /// Pages that are lent.
    pub(crate) fn lent(&self) -> u64 {
        let book = self.book.lock().unwrap();
        (book.pages.len() - book.free.len()) as u64
    }

    /// Lets the one of this number, counted from 1, fail: once.
    pub(crate) fn fail_at(&self, number: u64) {
        self.book.lock().unwrap().left = Some(number);
    }

    /// Lets none fail any more, and says whether one did.
    pub(crate) fn stop_failing(&self) -> bool {
        self.book.lock().unwrap().left.take() == Some(0)
    }

    /// How often pages were read, written, taken and given back since this was last asked.
    pub(crate) fn take_steps(&self) -> u64 {
        self.steps.swap(0, Ordering::Relaxed)
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    fn with_page<T>(&self, page: u32, visit: impl FnOnce(&mut [u8; RAM_PAGE_BYTES]) -> T) -> T {
        self.step();
        let book = &mut *self.book.lock().unwrap();
        visit(book.pages[page as usize - 1].as_mut().expect("no page is used after it was given back"))
    }
}

impl Pages for HostPages {
    fn take(&self) -> Option<u32> {
        self.step();
        let book = &mut *self.book.lock().unwrap();
        if let Some(left) = book.left.as_mut().filter(|left| **left > 0) {
            *left -= 1;
            if *left == 0 {
                return None;
            }
        }
        let page = book.free.pop().unwrap_or_else(|| {
            book.pages.push(None);
            book.pages.len() as u32
        });
        book.pages[page as usize - 1] = Some(Box::new([0; RAM_PAGE_BYTES]));
        Some(page)
    }

    fn give(&self, page: u32) {
        self.step();
        let book = &mut *self.book.lock().unwrap();
        let given = book.pages[page as usize - 1].take();
        assert!(given.is_some(), "no page is given back twice");
        book.free.push(page);
    }

    fn read(&self, page: u32, offset: usize, target: &mut [u8]) {
        self.with_page(page, |page| target.copy_from_slice(&page[offset..offset + target.len()]));
    }

    fn write(&self, page: u32, offset: usize, bytes: &[u8]) {
        self.with_page(page, |page| page[offset..offset + bytes.len()].copy_from_slice(bytes));
    }
}

/// An empty file system in host memory with a limit of pages.
pub(crate) fn ram(limit_pages: u64) -> (&'static RamFs, &'static HostPages) {
    let pages: &'static HostPages = Box::leak(Box::default());
    let ram: &'static RamFs = Box::leak(Box::new(RamFs::new(pages, || 7)));
    ram.set_limit_pages(limit_pages);
    (ram, pages)
}

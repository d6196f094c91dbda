//! Pages for the contents of files and pipes, which are identified by number and accessed only by copying.
//!
//! A bitmap says which frames belong to files and pipes. Only those can be read and written here, so a wrong number can
//! damage nothing but a file or a pipe.

use core::ptr::NonNull;
use core::slice;

use tally_heap::PAGE_BYTES;
use vfs::{Pages, RAM_PAGE_BYTES};

use super::buffers;
use crate::memory::page_accounting::{
    FIRST_NUMBER, Purpose, give_pages, number_of, numbered_pages, page_with_number, take_pages,
};
use crate::sync::IrqLock;

const _: () = assert!(RAM_PAGE_BYTES == PAGE_BYTES, "a file's page is a frame");

/// Pages for files.
#[derive(Debug)]
pub(crate) struct FilePages;

/// The bitmap: a bit for each frame, set if it belongs to a file or a pipe. Made with the first page, and kept.
static OWNED: IrqLock<Owned> = IrqLock::new(Owned { words: None });

struct Owned {
    words: Option<&'static mut [u64]>,
}

impl Owned {
    fn set(&mut self, frame: u32, is_owned: bool) {
        if let Some(word) = self.words.as_mut().and_then(|words| words.get_mut(frame as usize / 64)) {
            let bit = 1 << (frame % 64);
            *word = if is_owned { *word | bit } else { *word & !bit };
        }
    }

    /// `length` bytes from `offset` on of a page of a file or pipe; `None` for other numbers and beyond the page.
    fn bytes(&self, frame: u32, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let word = self.words.as_ref()?.get(frame as usize / 64)?;
        let is_inside = offset.checked_add(length).is_some_and(|end| end <= PAGE_BYTES);
        if word >> (frame % 64) & 1 == 0 || !is_inside {
            return None;
        }
        let page = page_with_number(frame as usize)?;
        NonNull::new(page.as_ptr().wrapping_add(offset))
    }
}

/// Whether the page with this number is a file's or a pipe's. False also while the lock is held.
pub(in crate::memory) fn is_owned(number: usize) -> bool {
    let owned = OWNED.try_lock();
    owned.is_some_and(|owned| owned.bytes(number as u32, 0, PAGE_BYTES).is_some())
}

/// Makes the bitmap, unless it exists. Pages are taken without the lock.
fn make_table() -> Option<()> {
    if OWNED.lock().words.is_some() {
        return Some(());
    }
    let size_bytes = (FIRST_NUMBER + numbered_pages()).div_ceil(u64::BITS as usize) * size_of::<u64>();
    let order = size_bytes.div_ceil(PAGE_BYTES).checked_next_power_of_two()?.trailing_zeros();
    let table = take_pages(order, Purpose::Files)?;
    let mut owned = OWNED.lock();
    if owned.words.is_some() {
        // SAFETY: taken just now; somebody else was first.
        unsafe { give_pages(table, order) };
        return Some(());
    }
    let length = size_bytes / size_of::<u64>();
    // SAFETY: fresh pages that stay ours; writing them makes them initialised.
    owned.words = Some(unsafe {
        table.cast::<u64>().write_bytes(0, length);
        slice::from_raw_parts_mut(table.cast().as_ptr(), length)
    });
    Some(())
}

/// Gives a fresh page a number, and fills it with zeros; `None` for one beyond the first
/// 16 TiB of memory, which has no number here.
fn number(page: NonNull<u8>) -> Option<u32> {
    let frame = u32::try_from(number_of(page)?).ok()?;
    // SAFETY: a fresh page, which nobody else knows.
    unsafe { page.write_bytes(0, PAGE_BYTES) };
    OWNED.lock().set(frame, true);
    Some(frame)
}

/// Clears the bit of a page, and returns the page, which can no longer be accessed here.
fn forget(frame: u32) -> Option<NonNull<u8>> {
    let mut owned = OWNED.lock();
    let page = owned.bytes(frame, 0, PAGE_BYTES)?;
    owned.set(frame, false);
    Some(page)
}

/// Whether a page belongs to a file or a pipe.
pub(crate) fn owns(page: NonNull<u8>) -> bool {
    let frame = number_of(page).and_then(|number| u32::try_from(number).ok());
    frame.is_some_and(|frame| OWNED.lock().bytes(frame, 0, 0).is_some())
}

fn read(frame: u32, offset: usize, target: &mut [u8]) {
    let owned = OWNED.lock();
    if let Some(bytes) = owned.bytes(frame, offset, target.len()) {
        // SAFETY: inside a page that has a number and keeps it under the lock; `target` cannot overlap it, since no
        // reference into such a page is ever made.
        unsafe { target.as_mut_ptr().copy_from_nonoverlapping(bytes.as_ptr(), target.len()) };
    }
}

fn write(frame: u32, offset: usize, bytes: &[u8]) {
    let owned = OWNED.lock();
    if let Some(target) = owned.bytes(frame, offset, bytes.len()) {
        // SAFETY: as for `read`.
        unsafe { target.copy_from_nonoverlapping(NonNull::from_ref(bytes).cast(), bytes.len()) };
    }
}

impl Pages for FilePages {
    fn take(&self) -> Option<u32> {
        make_table()?;
        let page = take_pages(0, Purpose::Files)?;
        let frame = number(page);
        if frame.is_none() {
            // SAFETY: taken just now; it got no number.
            unsafe { give_pages(page, 0) };
        }
        frame
    }

    fn give(&self, frame: u32) {
        if let Some(page) = forget(frame) {
            // SAFETY: it was a file's.
            unsafe { give_pages(page, 0) };
        }
    }

    fn read(&self, frame: u32, offset: usize, target: &mut [u8]) {
        read(frame, offset, target);
    }

    fn write(&self, frame: u32, offset: usize, bytes: &[u8]) {
        write(frame, offset, bytes);
    }
}

/// Pages for pipes, counted as buffers; a few are reserved.
#[derive(Debug)]
pub(crate) struct PipePages;

impl Pages for PipePages {
    fn take(&self) -> Option<u32> {
        make_table()?;
        let page = buffers::take_page()?;
        let frame = number(page);
        if frame.is_none() {
            // SAFETY: taken just now; it got no number.
            unsafe { buffers::give_page(page) };
        }
        frame
    }

    fn give(&self, frame: u32) {
        if let Some(page) = forget(frame) {
            // SAFETY: it was a pipe's.
            unsafe { buffers::give_page(page) };
        }
    }

    fn read(&self, frame: u32, offset: usize, target: &mut [u8]) {
        read(frame, offset, target);
    }

    fn write(&self, frame: u32, offset: usize, bytes: &[u8]) {
        write(frame, offset, bytes);
    }
}

//! Pages for the contents of files: each known by its frame's number, and used only through copies.
//!
//! A table of bits says which frames are a file's. Only those can be read and written here, so that a wrong
//! number, wherever it comes from, does no harm.

use core::ptr::NonNull;
use core::slice;

use vfs::{Pages, RAM_PAGE_BYTES};

use crate::arch::paging::DIRECT_MAP;
use crate::memory::frames::PAGE_BYTES;
use crate::memory::page_accounting::{Purpose, give_pages, range, take_pages};
use crate::sync::IrqLock;

const _: () = assert!(RAM_PAGE_BYTES == PAGE_BYTES, "a file's page is a frame");

/// Pages from the frames.
#[derive(Debug)]
pub(crate) struct FilePages;

/// A bit for each frame, set where it is a file's. The table itself is made with the first page, and stays.
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

    /// The bytes from `offset` on of a file's page, as many as `length`; `None` for what is none.
    fn bytes(&self, frame: u32, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let word = self.words.as_ref()?.get(frame as usize / 64)?;
        let is_inside = offset.checked_add(length).is_some_and(|end| end <= PAGE_BYTES);
        (word >> (frame % 64) & 1 == 1 && is_inside)
            .then(|| NonNull::new((address(frame) + offset) as *mut u8))
            .flatten()
    }
}

/// Makes the table, unless it is there. Pages are taken without the lock.
fn make_table() -> Option<()> {
    if OWNED.lock().words.is_some() {
        return Some(());
    }
    let frames = (range().end - DIRECT_MAP).div_ceil(PAGE_BYTES);
    let size_bytes = frames.div_ceil(u64::BITS as usize) * size_of::<u64>();
    let order = size_bytes.div_ceil(PAGE_BYTES).checked_next_power_of_two()?.trailing_zeros();
    let table = take_pages(order, Purpose::Files)?;
    let mut owned = OWNED.lock();
    if owned.words.is_some() {
        // SAFETY: taken just now; somebody else was first.
        unsafe { give_pages(table, order, Purpose::Files) };
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

fn address(frame: u32) -> usize {
    DIRECT_MAP + frame as usize * PAGE_BYTES
}

impl Pages for FilePages {
    fn take(&self) -> Option<u32> {
        make_table()?;
        let page = take_pages(0, Purpose::Files)?;
        let frame = u32::try_from((page.as_ptr() as usize - DIRECT_MAP) / PAGE_BYTES).ok();
        // SAFETY: a fresh page, which nobody else knows.
        unsafe { page.write_bytes(0, PAGE_BYTES) };
        match frame {
            Some(frame) => OWNED.lock().set(frame, true),
            // A frame beyond 16 TiB has no number here.
            // SAFETY: as above.
            None => unsafe { give_pages(page, 0, Purpose::Files) },
        }
        frame
    }

    fn give(&self, frame: u32) {
        let mut owned = OWNED.lock();
        let Some(page) = owned.bytes(frame, 0, PAGE_BYTES) else { return };
        owned.set(frame, false);
        drop(owned);
        // SAFETY: it was a file's; without its bit nobody here reaches it any more.
        unsafe { give_pages(page, 0, Purpose::Files) };
    }

    fn read(&self, frame: u32, offset: usize, target: &mut [u8]) {
        let owned = OWNED.lock();
        if let Some(bytes) = owned.bytes(frame, offset, target.len()) {
            // SAFETY: inside a page that is a file's and stays so under the lock; `target` cannot overlap it,
            // since no reference into such a page is ever made.
            unsafe { target.as_mut_ptr().copy_from_nonoverlapping(bytes.as_ptr(), target.len()) };
        }
    }

    fn write(&self, frame: u32, offset: usize, bytes: &[u8]) {
        let owned = OWNED.lock();
        if let Some(target) = owned.bytes(frame, offset, bytes.len()) {
            // SAFETY: as for `read`.
            unsafe { target.copy_from_nonoverlapping(NonNull::from_ref(bytes).cast(), bytes.len()) };
        }
    }
}

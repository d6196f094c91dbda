//! A buffer in a chain of pages: the data of a pipe, or a line that is longer than other buffers.
//!
//! A chain grows page by page, so it needs no contiguous memory, and it can be read again from any position. Pages have
//! numbers and are accessed by copying; each begins with the number of the next one.

use core::num::NonZeroU64;

use vfs::{Pages, RAM_PAGE_BYTES};

/// Size of the next page's number, which is 0 in the last page.
const LINK_BYTES: usize = size_of::<u32>();
/// Bytes of contents in a page.
const ROOM_BYTES: usize = RAM_PAGE_BYTES - LINK_BYTES;
const ROOM: NonZeroU64 = NonZeroU64::new(ROOM_BYTES as u64).unwrap();

/// No page is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfPages;

/// A chain of pages. Every page but the last is full.
pub(crate) struct Pipe {
    pages: &'static dyn Pages,
    /// Number of the first page; 0 if there is none.
    first: u32,
    last: u32,
    /// Bytes that were pushed.
    length: u64,
    /// The page that contains `position` or ends at it; 0 for the first one.
    reading: u32,
    position: u64,
}

impl Pipe {
    /// An empty chain, without a page.
    pub(crate) fn new(pages: &'static dyn Pages) -> Self {
        Self { pages, first: 0, last: 0, length: 0, reading: 0, position: 0 }
    }

    /// Adds bytes at the end. If pages run out, a part of them has been added.
    ///
    /// # Errors
    ///
    /// [`OutOfPages`]
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), OutOfPages> {
        while !bytes.is_empty() {
            let used = in_page(self.length);
            if used == 0 {
                self.add_page()?;
            }
            let room = ROOM_BYTES.saturating_sub(used);
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.pages.write(self.last, LINK_BYTES.saturating_add(used), now);
            self.length = self.length.saturating_add(now.len() as u64);
            bytes = later;
        }
        Ok(())
    }

    /// Reads from where the last read ended, and returns the number of bytes read; 0 at the end.
    pub(crate) fn read(&mut self, target: &mut [u8]) -> usize {
        let start = in_page(self.position);
        if self.position >= self.length {
            return 0;
        }
        if self.reading == 0 {
            self.reading = self.first;
        } else if start == 0 {
            self.reading = self.next(self.reading);
        }
        let left = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let count = target.len().min(left).min(ROOM_BYTES.saturating_sub(start));
        if let Some(target) = target.get_mut(..count) {
            self.pages.read(self.reading, LINK_BYTES.saturating_add(start), target);
        }
        self.position = self.position.saturating_add(count as u64);
        count
    }

    /// Reads into `piece`, and returns the part that was filled; empty at the end.
    pub(crate) fn read_piece<'p>(&mut self, piece: &'p mut [u8]) -> &'p [u8] {
        let count = self.read(piece);
        piece.get(..count).unwrap_or_default()
    }

    /// Where the next read starts, in bytes from the beginning.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Sets where the next read starts: at `position`, or at the end if that comes first.
    pub(crate) fn seek(&mut self, position: u64) {
        (self.reading, self.position) = (0, position.min(self.length));
        if self.position == 0 {
            return;
        }
        self.reading = self.first;
        // The page of the byte before `position`: `read` moves on to the next page if necessary.
        let last_byte = self.position.saturating_sub(1);
        for _ in 0..last_byte / ROOM {
            self.reading = self.next(self.reading);
        }
    }

    /// Drops all bytes. The first page is kept for later ones.
    pub(crate) fn clear(&mut self) {
        if self.first != 0 {
            self.give_from(self.next(self.first));
            self.pages.write(self.first, 0, &[0; LINK_BYTES]);
        }
        (self.last, self.length, self.reading, self.position) = (self.first, 0, 0, 0);
    }

    /// The page after another; 0 at the end.
    fn next(&self, page: u32) -> u32 {
        let mut link = [0; LINK_BYTES];
        self.pages.read(page, 0, &mut link);
        u32::from_le_bytes(link)
    }

    fn add_page(&mut self) -> Result<(), OutOfPages> {
        if self.first != 0 && self.length == 0 {
            // `clear` has kept this page.
            return Ok(());
        }
        let page = self.pages.take().ok_or(OutOfPages)?;
        if self.first == 0 {
            self.first = page;
        } else {
            self.pages.write(self.last, 0, &page.to_le_bytes());
        }
        self.last = page;
        Ok(())
    }

    /// Gives back a page and all that follow it.
    fn give_from(&self, mut page: u32) {
        while page != 0 {
            let next = self.next(page);
            self.pages.give(page);
            page = next;
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.give_from(self.first);
    }
}

/// The offset of a position in its page.
fn in_page(position: u64) -> usize {
    (position % ROOM) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// A limited number of pages, and those that are lent.
    struct Few {
        pages: Mutex<Vec<Option<Vec<u8>>>>,
        left: Mutex<usize>,
    }

    impl Few {
        fn new(left: usize) -> &'static Self {
            Box::leak(Box::new(Self { pages: Mutex::default(), left: left.into() }))
        }

        fn left(&self) -> usize {
            *self.left.lock().unwrap()
        }
    }

    impl Pages for Few {
        fn take(&self) -> Option<u32> {
            let mut left = self.left.lock().unwrap();
            *left = left.checked_sub(1)?;
            let mut pages = self.pages.lock().unwrap();
            pages.push(Some(vec![0; RAM_PAGE_BYTES]));
            Some(pages.len() as u32)
        }

        fn give(&self, page: u32) {
            self.pages.lock().unwrap()[page as usize - 1].take().expect("a page is given back once");
            *self.left.lock().unwrap() += 1;
        }

        fn read(&self, page: u32, offset: usize, target: &mut [u8]) {
            let pages = self.pages.lock().unwrap();
            target.copy_from_slice(&pages[page as usize - 1].as_ref().unwrap()[offset..][..target.len()]);
        }

        fn write(&self, page: u32, offset: usize, bytes: &[u8]) {
            let mut pages = self.pages.lock().unwrap();
            let page = pages[page as usize - 1].as_mut().unwrap();
            page[offset..][..bytes.len()].copy_from_slice(bytes);
        }
    }

    fn read_all(pipe: &mut Pipe, size: usize) -> Vec<u8> {
        let (mut all, mut piece) = (Vec::new(), vec![0; size]);
        loop {
            let count = pipe.read(&mut piece);
            if count == 0 {
                return all;
            }
            all.extend_from_slice(&piece[..count]);
        }
    }

    #[test]
    fn chain_ends_with_the_pages_and_gives_all_back() {
        let pages = Few::new(3);
        let mut pipe = Pipe::new(pages);
        assert_eq!(pipe.push(&[7; 3 * RAM_PAGE_BYTES]), Err(OutOfPages));
        assert_eq!(read_all(&mut pipe, 1000), vec![7; 3 * ROOM_BYTES]);
        pipe.clear();
        assert_eq!((pages.left(), read_all(&mut pipe, 10).len()), (2, 0));
        pipe.push(b"again").unwrap();
        assert_eq!(read_all(&mut pipe, 3), b"again");
        assert_eq!(pages.left(), 2, "the page that was kept is used");
        drop(pipe);
        assert_eq!(pages.left(), 3);
    }

    proptest! {
        #[test]
        fn chain_reads_as_what_was_pushed(
            pushes in prop::collection::vec(prop_oneof![0..9000_usize, Just(ROOM_BYTES)], 0..6),
            reads in 1..6000_usize,
            place in any::<prop::sample::Index>(),
            is_cleared in any::<bool>(),
        ) {
            let pages = Few::new(100);
            let mut pipe = Pipe::new(pages);
            if is_cleared {
                pipe.push(&[1; 10_000]).unwrap();
                pipe.clear();
            }
            let mut model = Vec::new();
            for length in pushes {
                let bytes: Vec<u8> = (0..length).map(|number| (number + model.len()) as u8).collect();
                pipe.push(&bytes).unwrap();
                model.extend(bytes);
                // Reading continues with what was pushed meanwhile.
                prop_assert_eq!(pipe.read(&mut [0; 1]), usize::from(pipe.position() <= model.len() as u64 && !model.is_empty()));
            }
            pipe.seek(0);
            prop_assert_eq!(&read_all(&mut pipe, reads), &model);
            let from = place.index(model.len() + 1);
            pipe.seek(from as u64);
            prop_assert_eq!(pipe.position(), from as u64);
            prop_assert_eq!(&read_all(&mut pipe, reads), &model[from..]);
            drop(pipe);
            prop_assert_eq!(pages.left(), 100);
        }
    }
}

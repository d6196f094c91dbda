//! Bytes in a chain of pages: what flows through a pipe, or a line that is longer than a buffer.
//!
//! A chain grows page by page, so it needs no memory in one piece; it is read from the beginning as often as
//! one likes. Its pages are apart from the heap.

use core::iter;
use core::ptr::NonNull;

use super::frames::PAGE_BYTES;
use super::heaps::PageSource;

const HEAD_BYTES: usize = size_of::<Option<NonNull<Page>>>() + size_of::<usize>();

/// A page of a chain, as it lies in memory.
#[repr(C)]
struct Page {
    next: Option<NonNull<Page>>,
    /// Bytes in use.
    length: usize,
    bytes: [u8; PAGE_BYTES - HEAD_BYTES],
}

const _: () = assert!(size_of::<Page>() == PAGE_BYTES, "a page of a chain is a page");

impl Page {
    fn used(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// There is no page left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfPages;

/// The chain. Its pages are nobody else's: they come from the source and are reached through this alone.
#[derive(Debug)]
pub(crate) struct PageChain<S: PageSource> {
    source: S,
    first: Option<NonNull<Page>>,
    last: Option<NonNull<Page>>,
    length: u64,
    /// Where the next read starts: the page (`None` for the first), and how far into it.
    reading: Option<NonNull<Page>>,
    read_in_page: usize,
    position: u64,
}

impl<S: PageSource> PageChain<S> {
    /// An empty chain, without a page.
    pub(crate) const fn new(source: S) -> Self {
        Self { source, first: None, last: None, length: 0, reading: None, read_in_page: 0, position: 0 }
    }

    /// Adds bytes at the end. Without a page for all of them, some are added.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), OutOfPages> {
        while !bytes.is_empty() {
            let mut last = match self.last {
                Some(last) => last,
                None => self.add_page().ok_or(OutOfPages)?,
            };
            // SAFETY: a page of ours, and `&mut self` makes the reference the only one.
            let page = unsafe { last.as_mut() };
            let free = page.bytes.get_mut(page.length..).unwrap_or_default();
            let count = free.len().min(bytes.len());
            let (now, later) = bytes.split_at_checked(count).unwrap_or_default();
            for (slot, byte) in free.iter_mut().zip(now) {
                *slot = *byte;
            }
            page.length += count;
            self.length += count as u64;
            bytes = later;
            if !bytes.is_empty() {
                self.add_page().ok_or(OutOfPages)?;
            }
        }
        Ok(())
    }

    /// Reads from where the last read ended and says how many bytes came; 0 at the end.
    pub(crate) fn read(&mut self, target: &mut [u8]) -> usize {
        let Some(mut at) = self.reading.or(self.first) else { return 0 };
        loop {
            // SAFETY: a page of ours; nobody writes to it during `&mut self`.
            let page = unsafe { at.as_ref() };
            let bytes = page.used().get(self.read_in_page..).unwrap_or_default();
            if let (true, Some(next)) = (bytes.is_empty(), page.next) {
                at = next;
                self.read_in_page = 0;
                continue;
            }
            let count = bytes.len().min(target.len());
            for (slot, byte) in target.iter_mut().zip(bytes) {
                *slot = *byte;
            }
            self.reading = Some(at);
            self.read_in_page += count;
            self.position += count as u64;
            return count;
        }
    }

    /// Where the next read starts, in bytes from the beginning.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Lets the next read start at `position`, or at the end if that comes first.
    pub(crate) fn seek(&mut self, position: u64) {
        (self.reading, self.read_in_page, self.position) = (None, 0, 0);
        let mut at = self.first;
        while let Some(page) = at {
            // SAFETY: as in `read`.
            let page_ref = unsafe { page.as_ref() };
            let left = position - self.position;
            self.reading = at;
            self.read_in_page = (page_ref.length as u64).min(left) as usize;
            self.position += self.read_in_page as u64;
            if self.position == position {
                return;
            }
            at = page_ref.next;
        }
    }

    /// All bytes, page by page.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        // SAFETY: pages of ours, which nobody writes to or gives back during `&self`.
        let page = |at: NonNull<Page>| unsafe { at.as_ref() };
        iter::successors(self.first.map(page), move |current| current.next.map(page)).map(Page::used)
    }

    /// Drops all bytes; one page is kept.
    pub(crate) fn clear(&mut self) {
        if let Some(mut first) = self.first {
            // SAFETY: as in `push`.
            let page = unsafe { first.as_mut() };
            page.length = 0;
            let behind = page.next.take();
            self.give_from(behind);
        }
        self.last = self.first;
        self.length = 0;
        (self.reading, self.read_in_page, self.position) = (None, 0, 0);
    }

    fn add_page(&mut self) -> Option<NonNull<Page>> {
        let page = self.source.take(0)?.cast::<Page>();
        // SAFETY: a page of memory, ours alone and aligned to its size; all-zero bytes are a valid `Page`.
        unsafe { page.write_bytes(0, 1) };
        match self.last {
            // SAFETY: as in `push`.
            Some(mut last) => unsafe { last.as_mut() }.next = Some(page),
            None => self.first = Some(page),
        }
        self.last = Some(page);
        Some(page)
    }

    /// Gives a page and all behind it back; the caller has taken it out of the chain.
    fn give_from(&mut self, mut at: Option<NonNull<Page>>) {
        while let Some(page) = at {
            // SAFETY: a page that was taken from the source, and that nothing leads to any more.
            unsafe {
                at = page.as_ref().next;
                self.source.give(page.cast(), 0);
            }
        }
    }
}

impl<S: PageSource> Drop for PageChain<S> {
    fn drop(&mut self) {
        let first = self.first.take();
        self.give_from(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::alloc::{Layout, alloc, dealloc};
    use std::cell::Cell;

    /// So many pages from the host's heap, and a count of those that are out.
    struct Few<'a> {
        left: &'a Cell<usize>,
    }

    const LAYOUT: Layout = match Layout::from_size_align(PAGE_BYTES, PAGE_BYTES) {
        Ok(layout) => layout,
        Err(_) => panic!(),
    };

    // SAFETY: the tests use one thread.
    unsafe impl Send for Few<'_> {}

    // SAFETY: the host's allocator hands each block out once.
    unsafe impl PageSource for Few<'_> {
        fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
            assert_eq!(order, 0);
            self.left.set(self.left.get().checked_sub(1)?);
            // SAFETY: the layout has a size.
            NonNull::new(unsafe { alloc(LAYOUT) })
        }

        unsafe fn give(&mut self, pages: NonNull<u8>, _: u32) {
            self.left.set(self.left.get() + 1);
            // SAFETY: from `take`.
            unsafe { dealloc(pages.as_ptr(), LAYOUT) };
        }
    }

    fn read_all(chain: &mut PageChain<Few<'_>>, size: usize) -> Vec<u8> {
        let (mut all, mut piece) = (Vec::new(), vec![0; size]);
        loop {
            let count = chain.read(&mut piece);
            if count == 0 {
                return all;
            }
            all.extend_from_slice(&piece[..count]);
        }
    }

    #[test]
    fn chain_ends_with_the_pages_and_gives_all_back() {
        let left = Cell::new(3);
        let mut chain = PageChain::new(Few { left: &left });
        assert_eq!(chain.push(&[7; 3 * PAGE_BYTES]), Err(OutOfPages));
        let kept = 3 * (PAGE_BYTES - HEAD_BYTES);
        assert_eq!(read_all(&mut chain, 1000), vec![7; kept]);
        chain.clear();
        assert_eq!((left.get(), chain.pieces().map(<[u8]>::len).sum::<usize>()), (2, 0));
        chain.push(b"again").unwrap();
        assert_eq!(read_all(&mut chain, 3), b"again");
        drop(chain);
        assert_eq!(left.get(), 3);
    }

    proptest! {
        #[test]
        fn chain_reads_as_what_was_pushed(
            pushes in prop::collection::vec(0..9000_usize, 0..6),
            reads in 1..6000_usize,
            place in any::<prop::sample::Index>(),
        ) {
            let left = Cell::new(100);
            let mut chain = PageChain::new(Few { left: &left });
            let mut model = Vec::new();
            for length in pushes {
                let bytes: Vec<u8> = (0..length).map(|number| (number + model.len()) as u8).collect();
                chain.push(&bytes).unwrap();
                model.extend(bytes);
            }
            prop_assert_eq!(&read_all(&mut chain, reads), &model);
            let from = place.index(model.len() + 1);
            chain.seek(from as u64);
            prop_assert_eq!(chain.position(), from as u64);
            prop_assert_eq!(&read_all(&mut chain, reads), &model[from..]);
            prop_assert_eq!(chain.pieces().collect::<Vec<_>>().concat(), model);
        }
    }
}

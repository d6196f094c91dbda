//! Pages and blocks from the host, for the tracker that is fuzzed. A block that does not go back as it came is a
//! failure.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;
use std::sync::Mutex;

use memstat::{Backend, GuardPages, Hooks, Live, Location, PAGE_SIZE_BYTES, Platform};

/// Pages from the host, all of which go back when an input is done: the fuzzer runs thousands in one process.
#[derive(Debug, Default)]
pub(super) struct Pages(Mutex<BTreeSet<usize>>);

const PAGE: Layout = Layout::new::<Page>();

#[repr(align(4096))]
struct Page(#[expect(dead_code, reason = "stands for its size")] [u8; PAGE_SIZE_BYTES]);

// SAFETY: pages come from the host's allocator; there are no interrupts.
unsafe impl Platform for Pages {
    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        // SAFETY: the layout's size is not zero.
        let page = NonNull::new(unsafe { alloc(PAGE) })?;
        self.0.lock().expect("no thread panics").insert(page.as_ptr() as usize);
        Some(page)
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        assert!(self.0.lock().expect("no thread panics").remove(&(page.as_ptr() as usize)));
        // SAFETY: from `take_page`, and given back once.
        unsafe { dealloc(page.as_ptr(), PAGE) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for Pages {}

impl Hooks for Pages {}

impl Drop for Pages {
    fn drop(&mut self) {
        for page in std::mem::take(&mut *self.0.lock().expect("no thread panics")) {
            // SAFETY: from `take_page`, and not given back; the tracker is gone.
            unsafe { dealloc(page as *mut u8, PAGE) };
        }
    }
}

/// The host's allocator, with a list of what is live.
#[derive(Debug, Default)]
pub(super) struct Blocks(pub(super) BTreeMap<usize, Layout>);

/// What the host is asked for: multiples of 16 bytes, and at least as many.
fn rounded(layout: Layout) -> Layout {
    let size_bytes = layout.size().max(1).next_multiple_of(16);
    Layout::from_size_align(size_bytes, layout.align().max(16)).expect("a small layout")
}

// SAFETY: blocks come from the host's allocator with the layout asked for, rounded up.
unsafe impl Backend for Blocks {
    const KNOWS_LIVE: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let own = rounded(layout);
        // SAFETY: the rounded size is not zero.
        let block = NonNull::new(unsafe { alloc(own) })?;
        assert_eq!(self.0.insert(block.as_ptr() as usize, own), None);
        Some(NonNull::slice_from_raw_parts(block, own.size()))
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        let own = self.0.remove(&(block.as_ptr() as usize));
        let own = own.expect("only live blocks reach the backend");
        assert_eq!(own, rounded(layout), "the layout of the allocation comes back");
        // SAFETY: it was live, with this layout.
        unsafe { dealloc(block.as_ptr(), own) };
        own.size()
    }

    fn live(&self) -> Option<Live> {
        let bytes = self.0.values().map(Layout::size).sum::<usize>() as u64;
        Some(Live { blocks: self.0.len() as u64, bytes })
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        rounded(layout).size()
    }

    fn locate(&self, address: usize) -> Location {
        match self.0.range(..=address).next_back() {
            Some((start, layout)) if address < start + layout.size() => {
                Location::Live { start: *start, layout: *layout }
            }
            _ => Location::Unknown,
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for (address, layout) in std::mem::take(&mut self.0) {
            // SAFETY: live, with this layout; the tracker is gone.
            unsafe { dealloc(address as *mut u8, layout) };
        }
    }
}

//! A backend for many threads, which ends a test whose frees are wrong.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use memstat::SharedBackend;

use crate::shared::Shared;

/// The host's allocator, which all threads may use at once. Whatever comes back is what it handed out: each block has a
/// word before it that says whether it is live.
#[derive(Debug)]
pub(crate) struct SystemBackend;

/// The same as a backend.
pub(crate) fn system() -> Shared<SystemBackend> {
    Shared(SystemBackend)
}

const LIVE: u64 = 0x1234_5678_9abc_def0;
const FREE: u64 = 0x0fed_cba9_8765_4321;

/// The layout of a block with its word, and where the block begins there.
fn own(layout: Layout) -> (Layout, usize) {
    let front = layout.align().max(size_of::<u64>());
    let size_bytes = front + layout.size().max(1);
    (Layout::from_size_align(size_bytes, front).unwrap(), front)
}

fn word(address: usize) -> &'static AtomicU64 {
    // SAFETY: right before each block lies such a word; it is read while the block is somebody's.
    unsafe { &*((address - size_of::<u64>()) as *const AtomicU64) }
}

/// Whether the block at an address is live. It must be one.
pub(crate) fn is_live(address: usize) -> bool {
    word(address).load(Ordering::Relaxed) == LIVE
}

// SAFETY: the host's allocator serves all threads at once.
unsafe impl SharedBackend for SystemBackend {
    fn allocate(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        let (own, front) = own(layout);
        // SAFETY: the size is not zero, and the block lies inside.
        let block = NonNull::new(unsafe { System.alloc(own).add(front) })?;
        word(block.as_ptr() as usize).store(LIVE, Ordering::Relaxed);
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) -> usize {
        let was = word(block.as_ptr() as usize).swap(FREE, Ordering::Relaxed);
        assert_eq!(was, LIVE, "only live blocks reach the backend");
        let (own, front) = own(layout);
        // SAFETY: upheld by the caller.
        unsafe { System.dealloc(block.as_ptr().sub(front), own) };
        layout.size()
    }

    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
    ) -> Option<NonNull<[u8]>> {
        let (own_old, front) = own(old);
        let (own_new, _) = own(Layout::from_size_align(new_size_bytes, old.align()).unwrap());
        // SAFETY: upheld by the caller. The word moves with the block.
        let moved = unsafe { System.realloc(block.as_ptr().sub(front), own_old, own_new.size()).add(front) };
        Some(NonNull::slice_from_raw_parts(NonNull::new(moved)?, new_size_bytes))
    }
}

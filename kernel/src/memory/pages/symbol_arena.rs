//! A bump arena for the symbol index, which allocates but must not touch the tracked heap: pages of its own.
//!
//! While [`call`] runs, the kernel's allocator allocates here. All of it is freed when the call returns, unless
//! [`keep`] follows. The call is guarded: when the pages are used up, `alloc` panics, which ends only the call.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tally_heap::PAGE_BYTES;

use crate::arch::guarded::{self, Abandoned};
use crate::memory::page_accounting::{Purpose, free_pages, give_run, shrink_run, take_pages};

/// Maximum size of the arena in bytes.
const MAX_BYTES: usize = 4 << 20;
/// Order of the pieces in which a larger arena is given back: the largest block of the frames.
const PIECE_BYTES: usize = PAGE_BYTES << 6;
/// The arena takes at most one in this many free pages; a machine with too few has no index.
const SHARE: usize = 8;

static START: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);
/// End of the kept allocations.
static KEPT: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicUsize = AtomicUsize::new(0);
/// Start of the last allocation, which can grow in place.
static LAST: AtomicUsize = AtomicUsize::new(0);
static IS_USED: AtomicBool = AtomicBool::new(false);

/// Reserves pages for at least `size_bytes`; false if too few are free.
pub(crate) fn take(size_bytes: usize) -> bool {
    let pages = size_bytes.div_ceil(PAGE_BYTES).next_power_of_two();
    if size_bytes > MAX_BYTES || pages * SHARE > free_pages() {
        return false;
    }
    let Some(start) = take_pages(pages.trailing_zeros(), Purpose::Names) else { return false };
    let start = start.as_ptr() as usize;
    for (place, address) in
        [(&START, start), (&KEPT, start), (&NEXT, start), (&END, start + pages * PAGE_BYTES)]
    {
        place.store(address, Ordering::Relaxed);
    }
    true
}

/// Gives all pages back; nothing in them may be used any more.
pub(crate) fn give_back() {
    END.store(0, Ordering::Relaxed);
    if let Some(start) = NonNull::new(START.swap(0, Ordering::Relaxed) as *mut u8) {
        // SAFETY: the run that was taken, and nothing lies in it any more.
        unsafe { give_run(start) };
    }
}

/// Calls `function`, guarded, with the allocator redirected to the arena.
pub(crate) fn call<R>(function: impl FnOnce() -> R) -> Result<R, Abandoned> {
    NEXT.store(KEPT.load(Ordering::Relaxed), Ordering::Relaxed);
    IS_USED.store(true, Ordering::Relaxed);
    let result = guarded::call(function);
    IS_USED.store(false, Ordering::Relaxed);
    result
}

/// Keeps what the last call has allocated, and gives the pages after it back, except for `spare_bytes`.
pub(crate) fn keep(spare_bytes: usize) {
    let kept = NEXT.load(Ordering::Relaxed);
    KEPT.store(kept, Ordering::Relaxed);
    let end = END.load(Ordering::Relaxed);
    // Only whole pieces are given back, as the frames require.
    let from = (kept + spare_bytes).next_multiple_of(PIECE_BYTES);
    let start = START.load(Ordering::Relaxed);
    if from >= end {
        return;
    }
    if let Some(run) = NonNull::new(start as *mut u8) {
        // SAFETY: the run that was taken, and nothing lies in its last pages any more.
        let is_shorter = unsafe { shrink_run(run, (end - start) / PAGE_BYTES, (from - start) / PAGE_BYTES) };
        if is_shorter {
            END.store(from, Ordering::Relaxed);
        }
    }
}

/// Bytes that are kept, of those set aside.
pub(crate) fn kept_bytes() -> usize {
    KEPT.load(Ordering::Relaxed) - START.load(Ordering::Relaxed)
}

/// Whether the caller's allocations belong here.
#[inline]
pub(crate) fn is_used() -> bool {
    IS_USED.load(Ordering::Relaxed) && guarded::is_inside()
}

/// Null when the pages are used up.
#[cold]
pub(crate) fn allocate(layout: Layout) -> *mut u8 {
    let start = NEXT.load(Ordering::Relaxed).checked_next_multiple_of(layout.align());
    let end = start.and_then(|start| start.checked_add(layout.size()));
    match start.zip(end) {
        Some((start, end)) if end <= END.load(Ordering::Relaxed) => {
            LAST.store(start, Ordering::Relaxed);
            NEXT.store(end, Ordering::Relaxed);
            start as *mut u8
        }
        _ => null_mut(),
    }
}

/// Frees the last allocation; earlier ones stay until the call ends.
#[cold]
pub(crate) fn free(block: *mut u8) {
    if LAST.load(Ordering::Relaxed) == block as usize {
        NEXT.store(block as usize, Ordering::Relaxed);
    }
}

/// Resizes an allocation, in place if it is the last one.
///
/// # Safety
///
/// `block` was allocated here with `layout`, and is not used any more if it moves.
#[cold]
pub(crate) unsafe fn reallocate(block: *mut u8, layout: Layout, new_size_bytes: usize) -> *mut u8 {
    let Ok(new_layout) = Layout::from_size_align(new_size_bytes, layout.align()) else { return null_mut() };
    let next = NEXT.load(Ordering::Relaxed);
    free(block);
    let moved = allocate(new_layout);
    if moved.is_null() {
        NEXT.store(next, Ordering::Relaxed);
    } else if moved != block {
        // SAFETY: `block` is the caller's and the new memory is fresh; both have at least the smaller size.
        unsafe { moved.copy_from_nonoverlapping(block, layout.size().min(new_size_bytes)) };
    }
    moved
}

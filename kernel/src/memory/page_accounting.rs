//! Who has how many pages: all are free or taken for one purpose, and counted here.

use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use spin::Once;

use super::frames::{Frames, PAGE_BYTES};
use super::heaps::PageSource;
use super::{failures, shrinkers};
use crate::arch::cpu;
use crate::arch::paging::DIRECT_MAP;
use crate::sync::IrqLock;

static FRAMES: IrqLock<Frames> = IrqLock::new(Frames::empty());
/// Addresses that the frames may hand out.
static RANGE: Once<Range<usize>> = Once::new();
/// Pages that were ever taken and given back, by purpose.
static TAKEN: [AtomicUsize; Purpose::COUNT] = [const { AtomicUsize::new(0) }; Purpose::COUNT];
static GIVEN: [AtomicUsize; Purpose::COUNT] = [const { AtomicUsize::new(0) }; Purpose::COUNT];

/// What pages are taken for. All pages are free or have one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The heap's slabs and large blocks.
    Heap,
    /// The tracker's arena.
    Arena,
    /// Text of open files.
    Buffers,
    /// Page tables.
    PageTables,
    /// Contents of files, and all else that a ramfs keeps.
    Files,
    /// The index of names and its texts.
    Names,
    /// What outlives a restart.
    Kept,
    /// Sampled blocks, each in a page of its own.
    GuardPages,
}

impl Purpose {
    const COUNT: usize = 8;
    /// All of them with the names that reports give them, in the order of reports.
    pub(crate) const NAMED: [(&str, Self); Self::COUNT] = [
        ("heap", Self::Heap),
        ("arena", Self::Arena),
        ("files", Self::Files),
        ("buffers", Self::Buffers),
        ("page tables", Self::PageTables),
        ("names", Self::Names),
        ("black box", Self::Kept),
        ("guard pages", Self::GuardPages),
    ];
    /// All of them.
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Heap,
        Self::Arena,
        Self::Buffers,
        Self::PageTables,
        Self::Files,
        Self::Names,
        Self::Kept,
        Self::GuardPages,
    ];
}

/// Takes the frames over: `fill` puts in what lies in `range`.
pub(super) fn start(range: Range<usize>, fill: impl FnOnce(&mut Frames)) {
    fill(&mut FRAMES.lock());
    RANGE.call_once(|| range);
}

/// Counts pages that were taken before there were frames.
pub(super) fn count_taken(pages: usize, purpose: Purpose) {
    FRAMES.lock().count_taken(pages);
    TAKEN[purpose as usize].fetch_add(pages, Ordering::Relaxed);
}

/// A frame for a page table, by its physical address.
pub(super) fn take_table_frame() -> Option<u64> {
    take_pages(0, Purpose::PageTables).map(|page| (page.as_ptr() as usize - DIRECT_MAP) as u64)
}

/// Takes 2^`order` pages for `purpose`, aligned to their size. Their contents are arbitrary. For buffers and files the heap
/// gives back what it keeps in hand before there are none; so a caller that wants those holds no lock below the files'.
pub(crate) fn take_pages(order: u32, purpose: Purpose) -> Option<NonNull<u8>> {
    if failures::PAGES.is_armed() && failures::PAGES.should_fail(PAGE_BYTES << order, cpu::frame_pointer()) {
        return None;
    }
    let taken = FRAMES.lock().take(order);
    let taken = match taken {
        None if matches!(purpose, Purpose::Buffers | Purpose::Files) => take_reclaimed(order),
        taken => taken,
    };
    let pages = NonNull::new(taken? as *mut u8)?;
    TAKEN[purpose as usize].fetch_add(1 << order, Ordering::Relaxed);
    Some(pages)
}

/// Pages that others kept in hand: empty slabs, blocks in quarantine, spare pages of the arena.
#[cold]
#[inline(never)]
fn take_reclaimed(order: u32) -> Option<usize> {
    shrinkers::shrink();
    FRAMES.lock().take(order)
}

/// Gives 2^`order` pages back. Pages that are free already stay so, and that is logged.
///
/// # Safety
///
/// Nobody uses the pages any more.
pub(crate) unsafe fn give_pages(pages: NonNull<u8>, order: u32, purpose: Purpose) {
    // SAFETY: handed on to the caller.
    if unsafe { FRAMES.lock().give(pages.as_ptr() as usize, order) }.is_ok() {
        GIVEN[purpose as usize].fetch_add(1 << order, Ordering::Relaxed);
    }
}

/// Pages taken for a purpose.
pub(crate) fn pages_for(purpose: Purpose) -> usize {
    let given = GIVEN[purpose as usize].load(Ordering::Relaxed);
    TAKEN[purpose as usize].load(Ordering::Relaxed) - given
}

/// Pages that were ever taken and that were ever given back, for whatever.
pub(crate) fn page_traffic() -> (usize, usize) {
    let sum = |pages: &[AtomicUsize]| pages.iter().map(|pages| pages.load(Ordering::Relaxed)).sum();
    (sum(&TAKEN), sum(&GIVEN))
}

/// All pages that are managed: usable memory without what was taken before there were frames.
pub(crate) fn total_pages() -> usize {
    FRAMES.lock().total_pages()
}

/// Pages that are free.
pub(crate) fn free_pages() -> usize {
    FRAMES.lock().free_pages()
}

/// All pages that are managed, and those that are free; `None` while the lock is held, for who must not wait.
pub(crate) fn try_pages() -> Option<(usize, usize)> {
    FRAMES.try_lock().map(|frames| (frames.total_pages(), frames.free_pages()))
}

/// Addresses that the frames may hand out.
pub(crate) fn range() -> Range<usize> {
    RANGE.get().cloned().unwrap_or_default()
}

/// Free blocks by order.
pub(crate) fn free_blocks() -> [usize; super::frames::SHOWN_ORDERS] {
    FRAMES.lock().free_blocks()
}

/// The heap's source of pages.
#[derive(Debug)]
pub(crate) struct HeapPages;

// SAFETY: `Frames` hands each page out once, aligned to the block's size.
unsafe impl PageSource for HeapPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        take_pages(order, Purpose::Heap)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: handed on to the caller.
        unsafe { give_pages(pages, order, Purpose::Heap) };
    }
}

//! Page accounting: each page is free or in use for one purpose, and is counted here.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use boot::PhysicalRange;
use spin::Once;
use tally_heap::frames::Frames;
use tally_heap::{PAGE_BYTES, PageSource};

use super::{failures, shrinkers};
use crate::arch::{PAddr, VAddr, cpu, direct_map};
use crate::sync::IrqLock;

static FRAMES: IrqLock<Frames> = IrqLock::new(Frames::empty());
/// The ranges with the pages that the frames may hand out.
static MANAGED: Once<&'static [PhysicalRange]> = Once::new();
/// Total numbers of pages taken and given back, by purpose.
static TAKEN: [AtomicUsize; Purpose::COUNT] = [const { AtomicUsize::new(0) }; Purpose::COUNT];
static GIVEN: [AtomicUsize; Purpose::COUNT] = [const { AtomicUsize::new(0) }; Purpose::COUNT];

/// The purpose of pages in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The heap's slabs and large blocks.
    Heap,
    /// The tracker's arena.
    Arena,
    /// Contents of files, and all other data of a RAM file system.
    Files,
    /// Text of open files.
    Buffers,
    /// Page tables.
    PageTables,
    /// The symbol index and its texts.
    Names,
    /// The black box, which survives a restart.
    Persistent,
    /// Sampled blocks, each in a page of its own.
    GuardPages,
    /// Queues and buffers of devices.
    DeviceBuffers,
}

impl Purpose {
    const COUNT: usize = Self::ALL.len();
    /// All purposes, in the order of reports.
    pub(crate) const ALL: [Self; 9] = [
        Self::Heap,
        Self::Arena,
        Self::Files,
        Self::Buffers,
        Self::PageTables,
        Self::Names,
        Self::Persistent,
        Self::GuardPages,
        Self::DeviceBuffers,
    ];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Arena => "arena",
            Self::Files => "files",
            Self::Buffers => "buffers",
            Self::PageTables => "page tables",
            Self::Names => "names",
            Self::Persistent => "black box",
            Self::GuardPages => "guard pages",
            Self::DeviceBuffers => "device buffers",
        }
    }

    /// Whether most machines have no such pages: short reports leave them out then.
    pub(crate) fn is_rare(self) -> bool {
        matches!(self, Self::DeviceBuffers)
    }
}

/// Starts accounting for the ranges `managed`; `fill` adds their free pages to the frames.
pub(super) fn start(managed: &'static [PhysicalRange], fill: impl FnOnce(&mut Frames)) {
    fill(&mut FRAMES.lock());
    MANAGED.call_once(|| managed);
}

/// Counts pages that were taken before there were frames.
pub(super) fn count_taken(pages: usize, purpose: Purpose) {
    FRAMES.lock().count_taken(pages);
    TAKEN[purpose as usize].fetch_add(pages, Ordering::Relaxed);
}

/// A frame for a page table, by its physical address.
pub(super) fn take_table_frame() -> Option<PAddr> {
    take_pages(0, Purpose::PageTables).map(physical_of)
}

/// Takes 2^`order` pages for `purpose`, aligned to their size, with arbitrary contents. If there are none for buffers and
/// files, the shrinkers are called first; callers with these purposes must hold no lock below those of files.
pub(crate) fn take_pages(order: u32, purpose: Purpose) -> Option<NonNull<u8>> {
    if failures::PAGES.is_armed() && failures::PAGES.should_fail(PAGE_BYTES << order, cpu::frame_pointer()) {
        return None;
    }
    let taken = FRAMES.lock().take(order);
    let taken = match taken {
        None if matches!(purpose, Purpose::Buffers | Purpose::Files) => take_reclaimed(order),
        taken => taken,
    };
    let pages = taken?;
    TAKEN[purpose as usize].fetch_add(1 << order, Ordering::Relaxed);
    Some(pages)
}

/// Takes pages after the shrinkers have freed reserves: empty slabs, blocks in quarantine, spare pages of the arena.
#[cold]
#[inline(never)]
fn take_reclaimed(order: u32) -> Option<NonNull<u8>> {
    shrinkers::shrink();
    FRAMES.lock().take(order)
}

/// Gives 2^`order` pages back. If one of them is free already, nothing changes, and nothing is counted.
///
/// # Safety
///
/// Nobody uses the pages any more.
#[inline(never)]
pub(crate) unsafe fn give_pages(pages: NonNull<u8>, order: u32, purpose: Purpose) {
    // SAFETY: upheld by the caller.
    if unsafe { FRAMES.lock().give(pages, order) }.is_ok() {
        GIVEN[purpose as usize].fetch_add(1 << order, Ordering::Relaxed);
    }
}

/// Takes a page that is counted for no purpose: a loss, for the test of the balance.
#[cfg(feature = "lab")]
pub(crate) fn take_uncounted() -> Option<NonNull<u8>> {
    FRAMES.lock().take(0)
}

/// Gives back a page from [`take_uncounted`].
#[cfg(feature = "lab")]
pub(crate) fn give_uncounted(page: NonNull<u8>) {
    // SAFETY: taken for the test alone, which never used it. A page that is not taken is refused.
    let _ = unsafe { FRAMES.lock().give(page, 0) };
}

/// The physical address of pages that were taken here.
pub(crate) fn physical_of(pages: NonNull<u8>) -> PAddr {
    direct_map::to_physical(VAddr::from_usize(pages.as_ptr() as usize))
}

/// Number of pages in use for a purpose.
pub(crate) fn pages_for(purpose: Purpose) -> usize {
    let given = GIVEN[purpose as usize].load(Ordering::Relaxed);
    TAKEN[purpose as usize].load(Ordering::Relaxed) - given
}

/// Total numbers of pages taken and given back, for all purposes.
pub(crate) fn page_traffic() -> (usize, usize) {
    let sum = |pages: &[AtomicUsize]| pages.iter().map(|pages| pages.load(Ordering::Relaxed)).sum();
    (sum(&TAKEN), sum(&GIVEN))
}

/// Number of managed pages: usable memory without what was taken before the frames existed.
pub(crate) fn total_pages() -> usize {
    FRAMES.lock().total_pages()
}

/// Number of free pages.
pub(crate) fn free_pages() -> usize {
    FRAMES.lock().free_pages()
}

/// Numbers of managed and of free pages; `None` while the lock is held, for callers that must not wait.
pub(crate) fn try_pages() -> Option<(usize, usize)> {
    FRAMES.try_lock().map(|frames| (frames.total_pages(), frames.free_pages()))
}

/// The number of the lowest page: 1, as files use 0 for a hole.
pub(crate) const FIRST_NUMBER: usize = 1;

fn managed() -> &'static [PhysicalRange] {
    MANAGED.get().copied().unwrap_or_default()
}

fn page_count(range: &PhysicalRange) -> usize {
    range.size_bytes() as usize / PAGE_BYTES
}

/// Number of numbered pages: all managed pages, numbered by address without gaps.
pub(crate) fn numbered_pages() -> usize {
    managed().iter().map(page_count).sum()
}

/// The number of a managed page.
pub(crate) fn number_of(page: NonNull<u8>) -> Option<usize> {
    let address = physical_of(page);
    let mut below = FIRST_NUMBER;
    for range in managed() {
        if (range.start()..range.end()).contains(&address) {
            return Some(below + (address - range.start()).as_usize() / PAGE_BYTES);
        }
        below += page_count(range);
    }
    None
}

/// The page with this number.
pub(crate) fn page_with_number(number: usize) -> Option<NonNull<u8>> {
    let mut left = number.checked_sub(FIRST_NUMBER)?;
    for range in managed() {
        if left < page_count(range) {
            return NonNull::new(direct_map::to_virtual(range.start() + left * PAGE_BYTES).as_mut_ptr());
        }
        left -= page_count(range);
    }
    None
}

/// Free blocks by order.
pub(crate) fn free_blocks() -> [usize; tally_heap::frames::SHOWN_ORDERS] {
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
        // SAFETY: upheld by the caller.
        unsafe { give_pages(pages, order, Purpose::Heap) };
    }
}

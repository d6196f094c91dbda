//! Setting memory up on this machine, and who has how many pages.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use boot::{BootInfo, PhysicalRange};
use spin::Once;

use super::early::EarlyFrames;
use super::failures;
use super::heap;
use super::pages::{buffers, kept};
use crate::arch::{PAddr, VAddr, backtrace, cpu, direct_map, paging};
use crate::sync::IrqLock;
use tally_heap::frames::Frames;
use tally_heap::{Heap, Kind, PAGE_BYTES, PageNumber, PageSource, PageSpan, PageWords};

static FRAMES: IrqLock<Frames> = IrqLock::new(Frames::empty());
/// Pages that the frames may hand out.
static MANAGED: Once<PageSpan> = Once::new();
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

/// Why memory could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryError {
    /// No frames for page tables.
    PageTables,
    /// No room for what describes the frames.
    Metadata {
        /// The bytes wanted.
        size_bytes: usize,
    },
}

impl fmt::Display for MemoryError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageTables => write!(out, "no frames for page tables"),
            Self::Metadata { size_bytes } => {
                write!(out, "no {size_bytes} bytes in one piece to describe the frames")
            }
        }
    }
}

/// Builds the address space, takes all usable memory in, and starts the heap of the kind that was chosen. `is_kept`: some
/// of it is for what outlives a restart.
pub(crate) fn init(info: &BootInfo, kind: Kind, is_kept: bool) -> Result<(), MemoryError> {
    let mut early = EarlyFrames::new(&info.usable);
    let kept = if is_kept { kept::choose(&info.regions, &info.usable) } else { None };
    let kept = kept.filter(|place| early.take_exactly(*place));
    paging::init(&info.regions, &mut || early.take()).map_err(|_| MemoryError::PageTables)?;

    let whole = PhysicalRange {
        start: info.usable.first().map_or(0, |range| range.start),
        end: info.usable.last().map_or(0, |range| range.end),
    };
    let managed = pages_of(whole);
    let frames_bytes = Frames::metadata_bytes(&managed);
    let size_bytes = frames_bytes + PageWords::size_bytes(&managed);
    let metadata = early.take_run(size_bytes as u64).ok_or(MemoryError::Metadata { size_bytes })?;
    let metadata = NonNull::new(direct_map::to_virtual(PAddr(metadata)).as_mut_ptr::<u8>())
        .ok_or(MemoryError::Metadata { size_bytes })?;

    let mut frames = FRAMES.lock();
    // SAFETY: the metadata was just taken for this; the ranges are mapped, nobody else's, and apart.
    let words = unsafe {
        frames.init(&managed, metadata);
        for range in early.into_ranges() {
            frames.add(&pages_of(range));
        }
        PageWords::new(&managed, metadata.add(frames_bytes).cast())
    };
    if let Some(place) = kept {
        let pages = kept::REGION_BYTES / PAGE_BYTES;
        frames.count_taken(pages);
        TAKEN[Purpose::Kept as usize].fetch_add(pages, Ordering::Relaxed);
        // SAFETY: taken from the usable ranges before anybody got them, and mapped as all RAM is.
        unsafe { kept::start(direct_map::to_virtual(PAddr(place.start)).as_usize()) };
    }
    drop(frames);
    MANAGED.call_once(|| managed);
    heap::start(Heap::new(kind, HeapPages, words));
    buffers::reserve();
    Ok(())
}

/// Where the direct map has the frames of a range.
fn pages_of(range: PhysicalRange) -> PageSpan {
    let page = |physical| PageNumber::of(direct_map::to_virtual(PAddr(physical)).as_ptr::<u8>());
    PageSpan::new(page(range.start), page(range.end))
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
    let pages = taken?;
    TAKEN[purpose as usize].fetch_add(1 << order, Ordering::Relaxed);
    Some(pages)
}

/// Pages that others kept in hand: empty slabs, blocks in quarantine, spare pages of the arena.
#[cold]
#[inline(never)]
fn take_reclaimed(order: u32) -> Option<NonNull<u8>> {
    heap::tracker().reclaim();
    FRAMES.lock().take(order)
}

/// Gives 2^`order` pages back. Pages that are free already stay so, and that is logged.
///
/// # Safety
///
/// Nobody uses the pages any more.
pub(crate) unsafe fn give_pages(pages: NonNull<u8>, order: u32, purpose: Purpose) {
    // SAFETY: handed on to the caller.
    if unsafe { FRAMES.lock().give(pages, order) }.is_ok() {
        GIVEN[purpose as usize].fetch_add(1 << order, Ordering::Relaxed);
    }
}

/// Maps a device's memory, uncached; it stays mapped.
#[inline(never)]
pub(crate) fn map_device(physical: u64, size_bytes: usize) -> Option<NonNull<u8>> {
    let caller = backtrace::walk(cpu::frame_pointer()).next().unwrap_or(0);
    paging::map_device(physical, size_bytes, caller, &mut || {
        take_pages(0, Purpose::PageTables).map(|page| physical_of(page).0)
    })
}

/// The physical address of pages that were taken here.
pub(crate) fn physical_of(pages: NonNull<u8>) -> PAddr {
    direct_map::to_physical(VAddr::from_usize(pages.as_ptr() as usize))
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

/// Pages that the frames may hand out.
pub(crate) fn managed() -> PageSpan {
    MANAGED.get().copied().unwrap_or_default()
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
        // SAFETY: handed on to the caller.
        unsafe { give_pages(pages, order, Purpose::Heap) };
    }
}

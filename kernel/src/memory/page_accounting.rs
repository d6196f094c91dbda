//! Page accounting: each page is free or in use for one purpose, and is counted here.
//!
//! `page_tracker` has what is known of each run besides: who took it, and when. `page_owners` puts both together.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use boot::PhysicalRange;
use memstat::{BadFree, Level};
use spin::Once;
use tally_heap::frames::SHOWN_ORDERS;
use tally_heap::{PAGE_BYTES, PageAllocator, PageSource, RunWords, page_layout};

pub(crate) use super::page_numbers::{
    FIRST_NUMBER, number_of, numbered_pages, page_with_number, physical_of,
};
use super::page_tracker::{self, FRAMES, page_tracker};
pub(crate) use super::purpose::Purpose;
use super::{failures, page_numbers, platform, shrinkers};
use crate::arch::{PAddr, VAddr, cpu};

/// Which run starts at which page.
static WORDS: Once<RunWords> = Once::new();
/// Total numbers of pages taken and given back, by purpose; those of arenas are counted in `page_tracker`.
static TAKEN: [AtomicUsize; Purpose::COUNT] = [const { AtomicUsize::new(0) }; Purpose::COUNT];
static GIVEN: [AtomicUsize; Purpose::COUNT] = [const { AtomicUsize::new(0) }; Purpose::COUNT];

/// Whether free pages may have poison.
static IS_POISONING: AtomicBool = AtomicBool::new(false);

/// Free pages that were found written to.
static DAMAGED: AtomicU64 = AtomicU64::new(0);

/// Starts accounting for the ranges `managed`, at a level; `fill` adds their free pages to the allocator.
pub(super) fn start(managed: &'static [PhysicalRange], level: Level, fill: impl FnOnce(&mut PageAllocator)) {
    let words = {
        let frames = &mut *FRAMES.lock();
        fill(frames);
        frames.words()
    };
    WORDS.call_once(|| words);
    page_numbers::start(managed);
    page_tracker::start(level);
}

/// Counts pages that were taken before there were frames.
pub(super) fn count_taken(pages: usize, purpose: Purpose) {
    FRAMES.lock().count_taken(pages);
    TAKEN[purpose as usize].fetch_add(pages, Ordering::Relaxed);
}

/// A frame for a page table, by its physical address.
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(super) fn take_table_frame() -> Option<PAddr> {
    take_pages(0, Purpose::PageTables).map(physical_of)
}

/// The words of all pages.
#[inline]
pub(super) fn words() -> RunWords {
    WORDS.get().copied().unwrap_or(RunWords::EMPTY)
}

/// 2^`order` pages, if there can be so many. A single page comes first, as it is taken most often.
#[inline]
fn pages_of(order: u32) -> Option<usize> {
    if order == 0 { Some(1) } else { 1_usize.checked_shl(order) }
}

/// Takes 2^`order` pages for `purpose`, aligned to their size, with arbitrary contents. If there are none for buffers and
/// files, the shrinkers are called first; callers with these purposes must hold no lock below those of files.
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) fn take_pages(order: u32, purpose: Purpose) -> Option<NonNull<u8>> {
    take(pages_of(order)?, order, purpose)
}

/// Takes `pages` pages, aligned to 2^`order` pages, which must not be fewer; the rest is as for [`take_pages`].
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) fn take_run(pages: usize, order: u32, purpose: Purpose) -> Option<NonNull<u8>> {
    take(pages, order, purpose)
}

#[expect(clippy::inline_always, reason = "the frame that the tracker sees must be the caller's")]
#[inline(always)]
fn take(pages: usize, order: u32, purpose: Purpose) -> Option<NonNull<u8>> {
    let layout = page_layout(pages, order)?;
    if failures::PAGES.is_armed() && failures::PAGES.should_fail(layout.size(), cpu::frame_pointer()) {
        return None;
    }
    let taken = match page_tracker().allocate(layout) {
        None if matches!(purpose, Purpose::Buffers | Purpose::Files | Purpose::Drivers) => {
            shrinkers::shrink();
            page_tracker().allocate(layout)
        }
        taken => taken,
    };
    let start = taken?;
    words().set_purpose(start, purpose.number());
    if IS_POISONING.load(Ordering::Relaxed) {
        report_damage(cpu::frame_pointer());
    }
    TAKEN[purpose as usize].fetch_add(pages, Ordering::Relaxed);
    Some(start)
}

/// Gives back the 2^`order` pages of a run from [`take_pages`]. If there is no such run, that is reported, and nothing
/// changes.
///
/// # Safety
///
/// If it is such a run, nobody uses it any more.
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) unsafe fn give_pages(start: NonNull<u8>, order: u32) {
    let Some(layout) = pages_of(order).and_then(|pages| page_layout(pages, order)) else { return };
    let words = words();
    let before = words.listed_at(start.as_ptr() as usize);
    // SAFETY: upheld by the caller.
    unsafe { page_tracker().free_with_layout_or(start.as_ptr(), layout, report_bad_free) };
    count_given(start, before, words);
}

/// Gives back the run that starts at `start`, from [`take_run`].
///
/// # Safety
///
/// As for [`give_pages`].
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) unsafe fn give_run(start: NonNull<u8>) {
    let words = words();
    let before = words.listed_at(start.as_ptr() as usize);
    // SAFETY: upheld by the caller.
    unsafe { page_tracker().free_or(start.as_ptr(), report_bad_free) };
    count_given(start, before, words);
}

/// Gives back the pages of a run after its first `kept_pages`; false if that is not possible, see
/// [`PageAllocator::shrink`]. The run was taken by [`take_pages`] with `pages` pages.
///
/// # Safety
///
/// Nobody uses the pages that are given back.
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) unsafe fn shrink_run(start: NonNull<u8>, pages: usize, kept_pages: usize) -> bool {
    let order = pages.next_power_of_two().trailing_zeros();
    let Some(layout) = page_layout(pages, order) else { return false };
    // The tracker would move the run.
    if !PageAllocator::can_shrink(pages, order, kept_pages) {
        return false;
    }
    let Some(before) = words().starting_at(start.as_ptr() as usize) else { return false };
    // SAFETY: upheld by the caller; the run does not move.
    let shrunk = unsafe { page_tracker().reallocate_with_layout(start, layout, kept_pages * PAGE_BYTES) };
    if let Some(purpose) = Purpose::with_number(before.purpose)
        && let Some(after) = words().starting_at(start.as_ptr() as usize)
    {
        GIVEN[purpose as usize].fetch_add(before.pages - after.pages, Ordering::Relaxed);
    }
    shrunk.is_ok_and(|place| place == Some(start))
}

/// Counts a run that was given back, unless that was refused; `before` are its purpose and pages.
#[inline]
fn count_given(start: NonNull<u8>, before: (u8, usize), words: RunWords) {
    let (purpose, pages) = before;
    // The page tracker's arena may have taken one of the pages already: that is not listed.
    let is_given = words.listed_at(start.as_ptr() as usize).1 == 0;
    if is_given && let Some(given) = GIVEN.get(usize::from(purpose).wrapping_sub(1)) {
        given.fetch_add(pages, Ordering::Relaxed);
    }
}

/// Reports a refused free. The tracker's lock is not held here, but that of the heap may be.
#[cold]
#[inline(never)]
fn report_bad_free(bad: BadFree, frame_pointer: usize) {
    platform::report_bad_page_free(&bad, VAddr::from_usize(frame_pointer));
}

/// Sets whether pages that are given back are filled with poison, and checked when they are taken again.
pub(crate) fn set_poison(is_on: bool) {
    FRAMES.lock().set_poison(is_on);
    // Pages that have poison are checked even after it was switched off.
    if is_on {
        IS_POISONING.store(true, Ordering::Relaxed);
    }
}

/// Free pages that were found written to.
#[cfg(feature = "lab")]
pub(crate) fn damaged_pages() -> u64 {
    DAMAGED.load(Ordering::Relaxed)
}

/// Reports what was found of free pages that somebody wrote to.
#[cold]
#[inline(never)]
fn report_damage(frame_pointer: VAddr) {
    let damage = FRAMES.lock().take_damage();
    if let Some((damage, damaged)) = damage {
        DAMAGED.store(damaged, Ordering::Relaxed);
        platform::report_page_damage(&damage, damaged, frame_pointer);
    }
}

/// Takes a page that is counted for no purpose: a loss, for the test of the balance.
#[cfg(feature = "lab")]
pub(crate) fn take_uncounted() -> Option<NonNull<u8>> {
    FRAMES.lock().take_unlisted()
}

/// Gives back a page from [`take_uncounted`].
#[cfg(feature = "lab")]
pub(crate) fn give_uncounted(page: NonNull<u8>) {
    // SAFETY: taken for the test alone, which never used it. A page that is not taken is refused.
    let _ = unsafe { FRAMES.lock().give_unlisted(page) };
}

/// What the run that starts at an address is for.
pub(crate) fn purpose_of(address: usize) -> Option<Purpose> {
    words().starting_at(address).and_then(|run| Purpose::with_number(run.purpose))
}

/// Number of pages in use for a purpose.
pub(crate) fn pages_for(purpose: Purpose) -> usize {
    let (taken, given) = traffic_of(purpose);
    taken - given
}

/// Total numbers of pages taken and given back for a purpose.
fn traffic_of(purpose: Purpose) -> (usize, usize) {
    let given = GIVEN[purpose as usize].load(Ordering::Relaxed);
    let taken = TAKEN[purpose as usize].load(Ordering::Relaxed);
    let own = if purpose == Purpose::Arena { page_tracker::arena_traffic() } else { (0, 0) };
    (taken + own.0, given + own.1)
}

/// Total numbers of pages taken and given back, for all purposes.
pub(crate) fn page_traffic() -> (usize, usize) {
    let traffic = Purpose::ALL.into_iter().map(traffic_of);
    traffic.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
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

/// Free blocks by order.
pub(crate) fn free_blocks() -> [usize; SHOWN_ORDERS] {
    FRAMES.lock().free_blocks()
}

/// The heap's source of pages.
#[derive(Debug)]
pub(crate) struct HeapPages;

// SAFETY: the allocator hands each page out once, aligned to the block's size. The heap frees whole runs only.
unsafe impl PageSource for HeapPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        take_pages(order, Purpose::Heap)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: upheld by the caller.
        unsafe { give_pages(pages, order) };
    }

    fn take_run(&mut self, pages: usize, order: u32) -> Option<NonNull<u8>> {
        take_run(pages, order, Purpose::Heap)
    }

    unsafe fn give_run(&mut self, start: NonNull<u8>, _pages: usize) {
        // SAFETY: upheld by the caller.
        unsafe { give_run(start) };
    }
}

//! The tracker of pages: memstat around the allocator of runs, as the tracker of the heap is around the heap.
//!
//! `page_accounting` takes and gives pages through it, whoever needs them; the heap with its tracker is one of those. So
//! runs of pages have call stacks, marks and a history as blocks do, and bad frees of them are refused alike. The
//! arenas of both trackers are taken past it: unlisted pages, with the purpose of arenas.

use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use memstat::{
    Backend, GuardPages, Hooks, Level, Live, Location, LockRefused, PAGE_SIZE_BYTES, Platform, StackSpan,
    Tracked,
};
use tally_heap::{PAGE_BYTES, PageAllocator};

use super::failures;
use super::platform::KernelPlatform;
use super::purpose::Purpose;
use crate::arch::{VAddr, cpu, stacks};
use crate::sync::IrqLock;

/// The allocator of runs. It is apart from its tracker, whose arena needs pages under the tracker's lock.
pub(super) static FRAMES: IrqLock<PageAllocator> = IrqLock::new(PageAllocator::empty());

/// Events that the history of pages keeps.
const HISTORY_EVENTS: usize = 8192;

static TRACKER: PageTracker = Tracked::new(PagePlatform);

/// Pages of the trackers' arenas that were taken, and given back.
static ARENA_TAKEN: AtomicUsize = AtomicUsize::new(0);
static ARENA_GIVEN: AtomicUsize = AtomicUsize::new(0);

/// The tracker over the allocator of runs.
pub(crate) type PageTracker = Tracked<SharedFrames, PagePlatform>;

/// The tracker of pages, for reports.
#[inline]
pub(crate) fn page_tracker() -> &'static PageTracker {
    &TRACKER
}

/// Starts it at a level. The allocator has its pages.
pub(super) fn start(level: Level) {
    TRACKER.set_level(level);
    TRACKER.history().set_capacity(HISTORY_EVENTS);
    TRACKER.start(SharedFrames);
}

/// Its variables, which hold addresses of pages for accounting: no references.
pub(super) fn own_statics() -> [Range<VAddr>; 2] {
    [span_of(&TRACKER), span_of(&FRAMES)]
}

fn span_of<T>(variable: &T) -> Range<VAddr> {
    let start = VAddr::from_usize(&raw const *variable as usize);
    start..start + size_of::<T>()
}

/// Numbers of pages that the trackers' arenas took and gave back.
pub(super) fn arena_traffic() -> (usize, usize) {
    (ARENA_TAKEN.load(Ordering::Relaxed), ARENA_GIVEN.load(Ordering::Relaxed))
}

/// A page for the arena of a tracker. It is not recorded: under the heap's tracker that could make tables of both grow in one
/// operation, and its call stack would say nothing.
pub(super) fn take_arena_page() -> Option<NonNull<u8>> {
    if failures::PAGES.is_armed() && failures::PAGES.should_fail(PAGE_BYTES, cpu::frame_pointer()) {
        return None;
    }
    let frames = &mut *FRAMES.lock();
    let page = frames.take_unlisted()?;
    frames.words().set_purpose(page, Purpose::Arena.number());
    ARENA_TAKEN.fetch_add(1, Ordering::Relaxed);
    Some(page)
}

/// Gives a page from [`take_arena_page`] back.
///
/// # Safety
///
/// It came from there, and nobody uses it any more.
pub(super) unsafe fn give_arena_page(page: NonNull<u8>) {
    // SAFETY: upheld by the caller.
    if unsafe { FRAMES.lock().give_unlisted(page) }.is_ok() {
        ARENA_GIVEN.fetch_add(1, Ordering::Relaxed);
    }
}

/// The allocator of runs behind its lock.
#[derive(Debug)]
pub(crate) struct SharedFrames;

// SAFETY: as `PageAllocator`, whose methods these are. The tracker calls them with interrupts masked.
unsafe impl Backend for SharedFrames {
    const KNOWS_LIVE: bool = true;
    const HAS_RESIZE: bool = true;
    const REFUSES_WRONG_SIZES: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        FRAMES.lock_masked().allocate(layout)
    }

    #[inline]
    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: upheld by the caller.
        unsafe { FRAMES.lock_masked().allocate_fast(layout) }
    }

    #[inline]
    unsafe fn deallocate_fast(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        // SAFETY: upheld by the caller.
        unsafe { FRAMES.lock_masked().deallocate_fast(address, claimed) }
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: upheld by the caller.
        unsafe { FRAMES.lock_masked().deallocate(block, layout) }
    }

    unsafe fn shrink(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: upheld by the caller.
        unsafe { Backend::shrink(&mut *FRAMES.lock_masked(), block, old, new) }
    }

    fn live(&self) -> Option<Live> {
        FRAMES.lock_masked().live()
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        layout.size().next_multiple_of(PAGE_BYTES)
    }

    #[inline]
    unsafe fn taken_size_bytes_fast(&self, layout: Layout) -> Option<usize> {
        Some(layout.size())
    }

    fn locate(&self, address: usize) -> Location {
        FRAMES.lock_masked().locate(address)
    }
}

/// The platform of the page tracker: that of the heap's, but for its arena.
#[derive(Debug)]
pub(crate) struct PagePlatform;

// SAFETY: pages come from the frames, each once; the rest is as `KernelPlatform` has it.
unsafe impl Platform for PagePlatform {
    #[inline]
    fn stamp(&self) -> u64 {
        KernelPlatform.stamp()
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        KernelPlatform.stamp_to_ns(stamp)
    }

    #[inline]
    fn cpu(&self) -> u8 {
        KernelPlatform.cpu()
    }

    #[inline]
    fn task(&self) -> u16 {
        KernelPlatform.task()
    }

    #[expect(clippy::inline_always, reason = "the frame pointer must be that of the allocating function")]
    #[inline(always)]
    fn frame_pointer(&self) -> usize {
        // `page_accounting` goes on after each call of the tracker, so the tracker's functions have a frame of their own,
        // and the one before it is that of a function that takes or gives pages: call stacks begin with its caller.
        cpu::frame()[0].as_usize()
    }

    #[expect(clippy::inline_always, reason = "the frame must be that of the freeing function")]
    #[inline(always)]
    fn callers(&self) -> [usize; 2] {
        stacks::outer_callers().map(VAddr::as_usize)
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        KernelPlatform.stack(frame_pointer)
    }

    #[inline]
    fn stack_fast(&self, frame_pointer: usize) -> Option<StackSpan> {
        KernelPlatform.stack_fast(frame_pointer)
    }

    #[inline]
    fn enter_critical(&self) -> usize {
        KernelPlatform.enter_critical()
    }

    #[inline]
    fn leave_critical(&self, saved: usize) {
        KernelPlatform.leave_critical(saved);
    }

    fn take_page(&self) -> Option<NonNull<u8>> {
        const { assert!(PAGE_SIZE_BYTES == PAGE_BYTES) };
        take_arena_page()
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: upheld by the caller.
        unsafe { give_arena_page(page) };
    }
}

// SAFETY: there is no window: pages are not sampled.
unsafe impl GuardPages for PagePlatform {}

impl Hooks for PagePlatform {
    fn is_lock_held_here(&self) -> bool {
        KernelPlatform.is_lock_held_here()
    }

    #[inline]
    fn is_allocator_code(&self, address: usize) -> bool {
        KernelPlatform.is_allocator_code(address)
    }

    fn on_lock_refused(&self, refused: &LockRefused, frame_pointer: usize) {
        KernelPlatform.on_lock_refused(refused, frame_pointer);
    }
}

//! A tracker whose blocks come from call stacks that a test makes up.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use memstat::report::{DumpOptions, dump};
use memstat::{Backend, GuardPages, Hooks, Level, PAGE_SIZE_BYTES, Platform, STAMP_STEP, StackSpan, Tracked};

/// Two words of a frame: the caller's frame, and the return address.
type Frame = [usize; 2];

/// A platform whose clock and call stack a test sets.
#[derive(Debug, Default)]
pub(crate) struct MadeUp {
    pub(crate) stamp: AtomicU64,
    frames: AtomicUsize,
    frame_count: AtomicUsize,
}

const PAGE: Layout = match Layout::from_size_align(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES) {
    Ok(page) => page,
    Err(_) => panic!(),
};

// SAFETY: pages come from the system's allocator, each once; the frames are never freed; nothing interrupts.
unsafe impl Platform for MadeUp {
    fn stamp(&self) -> u64 {
        self.stamp.fetch_add(STAMP_STEP, Ordering::Relaxed)
    }

    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { System.alloc(PAGE) })
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: from `take_page`.
        unsafe { System.dealloc(page.as_ptr(), PAGE) };
    }

    fn frame_pointer(&self) -> usize {
        self.frames.load(Ordering::Relaxed)
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        let size_bytes = self.frame_count.load(Ordering::Relaxed) * size_of::<Frame>();
        (frame_pointer != 0).then_some(StackSpan { frame_pointer, start: frame_pointer, size_bytes })
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for MadeUp {}
impl Hooks for MadeUp {}

/// The system's allocator.
#[derive(Debug, Default)]
pub(crate) struct Heap;

// SAFETY: the system's allocator keeps this contract; no size is zero in these tests.
unsafe impl Backend for Heap {
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: as above.
        let block = NonNull::new(unsafe { System.alloc(layout) })?;
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: upheld by the caller.
        unsafe { System.dealloc(block.as_ptr(), layout) };
        layout.size()
    }
}

/// A tracker over [`Heap`].
pub(crate) type Tracker = Tracked<Heap, MadeUp>;

pub(crate) fn tracker(level: Level) -> Tracker {
    Tracked::over(MadeUp::default(), Heap, level)
}

/// Sets the call stack of the next operations: return addresses, innermost first; none for no stack.
pub(crate) fn set_stack(tracker: &Tracker, addresses: &[usize]) {
    let mut frames: Vec<Frame> = addresses.iter().map(|address| [0, *address]).collect();
    let start = frames.as_ptr() as usize;
    let count = frames.len();
    for (number, frame) in frames.iter_mut().enumerate().take(count.saturating_sub(1)) {
        frame[0] = start + (number + 1) * size_of::<Frame>();
    }
    let platform = tracker.platform();
    platform.frame_count.store(count, Ordering::Relaxed);
    platform.frames.store(if count == 0 { 0 } else { start }, Ordering::Relaxed);
    frames.leak();
}

pub(crate) fn allocate(tracker: &Tracker, size_bytes: usize, align_bytes: usize) -> NonNull<u8> {
    tracker.allocate(Layout::from_size_align(size_bytes, align_bytes).unwrap()).unwrap()
}

pub(crate) fn free(tracker: &Tracker, block: NonNull<u8>) {
    // SAFETY: nobody uses the block.
    unsafe { tracker.free(block).unwrap() };
}

pub(crate) fn dumped(tracker: &Tracker, options: &DumpOptions<'_>) -> String {
    let mut text = String::new();
    dump(tracker, options, &mut text).unwrap();
    text
}

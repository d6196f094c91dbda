//! The surroundings that a program on an operating system hands the tracker.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::time::Instant;

use memstat::{GuardPages, Hooks, Platform};
use memstat::{PAGE_SIZE_BYTES, StackSpan};

/// The surroundings. Pages for the arena come from the system's allocator, and not through the tracker.
#[derive(Debug)]
pub(crate) struct HostPlatform;

thread_local! {
    /// Where this thread's stack begins, as far as it is known.
    static STACK_TOP: Cell<usize> = const { Cell::new(0) };
}

static START: OnceLock<(Instant, u64)> = OnceLock::new();

impl HostPlatform {
    /// Starts the clock, and records where this thread's call stacks end: in the function that calls this.
    /// Other threads have no call stacks until they call it too.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the frame pointer must be the caller's")]
    pub(crate) fn start() {
        START.get_or_init(|| (Instant::now(), counts()));
        // The frame at the frame pointer is 16 bytes long.
        STACK_TOP.set(frame_pointer() + 2 * size_of::<usize>());
    }
}

/// Counts of a clock that takes one instruction to read.
#[inline]
fn counts() -> u64 {
    // SAFETY: every 64-bit CPU has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "called as a function it would read its own")]
fn frame_pointer() -> usize {
    let pointer;
    // SAFETY: copies a register.
    unsafe { core::arch::asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

fn page_layout() -> Layout {
    Layout::from_size_align(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES).expect("a page is a valid layout")
}

// SAFETY: pages come from the system's allocator, each once; a stack reaches from the frame pointer of a running
// function to a frame of its caller's; a program has no interrupt handlers that allocate.
unsafe impl Platform for HostPlatform {
    #[inline]
    fn stamp(&self) -> u64 {
        counts()
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        let Some((start, start_counts)) = START.get() else { return 0 };
        let (elapsed_ns, elapsed) = (start.elapsed().as_nanos(), u128::from(counts() - start_counts));
        let counts = u128::from(stamp.saturating_sub(*start_counts));
        (counts * elapsed_ns).checked_div(elapsed).unwrap_or(0) as u64
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the frame pointer must be that of the allocating function")]
    fn frame_pointer(&self) -> usize {
        frame_pointer()
    }

    #[inline]
    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        let size_bytes = STACK_TOP.get().checked_sub(frame_pointer).filter(|size_bytes| *size_bytes >= 16)?;
        Some(StackSpan { frame_pointer, start: frame_pointer, size_bytes })
    }

    #[inline]
    fn enter_critical(&self) -> usize {
        0
    }

    #[inline]
    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { System.alloc(page_layout()) })
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: from `take_page`, with this layout.
        unsafe { System.dealloc(page.as_ptr(), page_layout()) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for HostPlatform {}

impl Hooks for HostPlatform {}

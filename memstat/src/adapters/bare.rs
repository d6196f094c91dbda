//! The platform of a kernel, or of a program without an operating system.

use core::ops::Range;
use core::ptr::NonNull;

use portable_atomic::{AtomicUsize, Ordering};

use crate::arch;
use crate::platform::{GuardPages, Hooks, Platform, StackSpan};

/// A kernel with one stack and an arena of fixed size: call stacks by frame pointers, the CPU's counter as the clock, and
/// critical sections by the crate `critical-section`, for which each kernel or its support crate has an implementation.
///
/// Call stacks are recorded once [`Bare::set_stack`] was called; a kernel with several stacks calls it at each switch.
/// The arena's memory comes from [`Tracked::add_pages`](crate::Tracked::add_pages). A kernel that wants more of either
/// writes its own [`Platform`].
#[derive(Debug)]
pub struct Bare {
    start: AtomicUsize,
    end: AtomicUsize,
}

impl Bare {
    /// A kernel whose stack is not known.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it stands in a static")]
    pub const fn new() -> Self {
        Self { start: AtomicUsize::new(0), end: AtomicUsize::new(0) }
    }

    /// Sets the stack that is used from now on.
    ///
    /// # Safety
    ///
    /// All of it can be read, from now until another is set.
    pub unsafe fn set_stack(&self, stack: Range<usize>) {
        // With an empty one in between, no interrupt handler sees the start of one stack and the end of another.
        self.end.store(0, Ordering::Release);
        self.start.store(stack.start, Ordering::Release);
        self.end.store(stack.end, Ordering::Release);
    }
}

/// Restores a critical section's state from the number that `enter_critical` made of it.
union Saved {
    state: critical_section::RestoreState,
    number: usize,
}

const _: () = assert!(size_of::<critical_section::RestoreState>() <= size_of::<usize>());

// SAFETY: it gives no pages; its stack can be read, as `set_stack` was promised; `critical-section` keeps interrupt handlers
// and other CPUs away.
unsafe impl Platform for Bare {
    #[inline]
    fn stamp(&self) -> u64 {
        arch::counter()
    }

    #[expect(clippy::inline_always, reason = "the frame pointer must be that of the allocating function")]
    #[inline(always)]
    fn frame_pointer(&self) -> usize {
        arch::frame_pointer()
    }

    #[inline]
    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        let start = self.start.load(Ordering::Acquire);
        let size_bytes = self.end.load(Ordering::Acquire).checked_sub(start)?;
        (size_bytes >= 2 * size_of::<usize>()).then_some(StackSpan { frame_pointer, start, size_bytes })
    }

    #[inline]
    fn enter_critical(&self) -> usize {
        let mut saved = Saved { number: 0 };
        // SAFETY: `leave_critical` is called with what this returns. All bits of the number are set: by zero, or the state.
        unsafe {
            saved.state = critical_section::acquire();
            saved.number
        }
    }

    #[inline]
    fn leave_critical(&self, saved: usize) {
        // SAFETY: the number has the state that `acquire` returned.
        unsafe { critical_section::release(Saved { number: saved }.state) };
    }

    fn take_page(&self) -> Option<NonNull<u8>> {
        None
    }

    unsafe fn give_page(&self, _page: NonNull<u8>) {}
}

// SAFETY: there is no window.
unsafe impl GuardPages for Bare {}

impl Hooks for Bare {}

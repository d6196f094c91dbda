//! What the tracker needs of a program on Linux.

use core::fmt;
use core::ptr::NonNull;
use std::sync::OnceLock;
use std::time::Instant;

use super::{fork, mistakes, pages, report, settings, stack, symbols, thread_number};
use crate::arch;
use crate::corruption::Corruption;
use crate::lock::gate::MAX_LANES;
use crate::platform::{FirstUse, GuardPages, Hooks, Platform, StackSpan};

/// A program on Linux: pages from the operating system, the stacks of its threads, a lane for each thread, and a clock.
#[derive(Debug)]
pub struct HostPlatform;

/// Turns that a thread waits before it gives its CPU away: about as long as an operation takes.
const PATIENCE: u32 = 64;

/// The clock and the time when the tracker started.
static START: OnceLock<(Instant, u64)> = OnceLock::new();

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
fn counts() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes the variable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
#[inline]
fn counts() -> u64 {
    arch::counter()
}

// SAFETY: pages come from the operating system, each once; a stack reaches from a running function's variable to the
// stack's end; a program has no interrupts, and its signal handlers must not allocate.
unsafe impl Platform for HostPlatform {
    #[inline]
    fn stamp(&self) -> u64 {
        counts()
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        let Some((start, first)) = START.get() else { return 0 };
        let (elapsed_ns, elapsed) = (start.elapsed().as_nanos(), u128::from(counts().saturating_sub(*first)));
        let counts = u128::from(stamp.saturating_sub(*first));
        (counts * elapsed_ns).checked_div(elapsed).unwrap_or(0) as u64
    }

    const LANES: usize = MAX_LANES;

    /// The thread's lane. Threads share one only if there are more of them, or some that have ended.
    #[inline]
    fn cpu(&self) -> u8 {
        (usize::from(thread_number::get()) % MAX_LANES) as u8
    }

    #[inline]
    fn cpu_fast(&self) -> u32 {
        thread_number::known().into()
    }

    #[inline]
    fn task(&self) -> u16 {
        thread_number::get()
    }

    #[inline]
    fn relax(&self, turns: u32) {
        if turns < PATIENCE {
            core::hint::spin_loop();
        } else {
            // SAFETY: it may be called at any time.
            unsafe { libc::sched_yield() };
        }
    }

    #[expect(clippy::inline_always, reason = "the frame pointer must be that of the allocating function")]
    #[inline(always)]
    fn frame_pointer(&self) -> usize {
        arch::frame_pointer()
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        stack::find(frame_pointer)
    }

    #[inline]
    fn stack_fast(&self, frame_pointer: usize) -> Option<StackSpan> {
        stack::known(frame_pointer)
    }

    #[inline]
    fn enter_critical(&self) -> usize {
        0
    }

    #[inline]
    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        pages::take()
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: upheld by the caller.
        unsafe { pages::give(page) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for HostPlatform {}

impl Hooks for HostPlatform {
    fn on_corruption(&self, corruption: &Corruption, frame_pointer: usize) {
        mistakes::tell_corruption(corruption, frame_pointer);
    }

    fn on_first_use(&self, tracker: &dyn FirstUse) {
        START.get_or_init(|| (Instant::now(), counts()));
        // SAFETY: only the time is another for which it is known to be there. `Host` makes both forget it before it goes.
        let tracker = unsafe { core::mem::transmute::<&dyn FirstUse, &'static dyn FirstUse>(tracker) };
        let settings = settings::read();
        settings.apply(tracker);
        report::prepare(tracker, settings.report);
        fork::prepare(tracker);
    }

    fn write_address(&self, address: usize, out: &mut dyn fmt::Write) -> fmt::Result {
        symbols::write(address, out)
    }

    #[inline]
    fn is_allocator_code(&self, address: usize) -> bool {
        symbols::is_allocator_code(address)
    }
}

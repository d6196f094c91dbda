//! What the tracker needs of a program on Linux.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::Instant;

use super::{fork, pages, report, settings, stack, symbols};
use crate::arch;
use crate::platform::{FirstUse, GuardPages, Hooks, Platform, StackSpan};

/// A program on Linux: pages from the operating system, the stacks of its threads, and a clock.
#[derive(Debug)]
pub struct HostPlatform;

/// The clock and the time when the tracker started.
static START: OnceLock<(Instant, u64)> = OnceLock::new();
/// Threads that were given a number.
static THREADS: AtomicU64 = AtomicU64::new(0);

std::thread_local! {
    /// This thread's number, from 1 on; 0 until it is asked for.
    static NUMBER: core::cell::Cell<u16> = const { core::cell::Cell::new(0) };
}

#[cold]
fn number_thread() -> u16 {
    let number = (THREADS.fetch_add(1, Ordering::Relaxed) + 1) as u16;
    // A thread that is at its end has no variables any more.
    let _ = NUMBER.try_with(|own| own.set(number));
    number
}

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

    #[inline]
    fn task(&self) -> u16 {
        match NUMBER.try_with(core::cell::Cell::get) {
            Ok(0) | Err(_) => number_thread(),
            Ok(number) => number,
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
        // SAFETY: handed on to the caller.
        unsafe { pages::give(page) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for HostPlatform {}

impl Hooks for HostPlatform {
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

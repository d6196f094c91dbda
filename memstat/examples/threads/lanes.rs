//! The surroundings of a program with many threads: each has a lane of its own.

use std::cell::Cell;
use std::ptr::NonNull;

use memstat::{GuardPages, Hooks, HostPlatform, MAX_LANES, Platform, StackSpan};

/// Turns that a thread waits before it gives its CPU away.
const PATIENCE: u32 = 64;

/// The surroundings.
#[derive(Debug)]
pub(crate) struct Threads;

thread_local! {
    /// The number of this thread.
    static NUMBER: Cell<u8> = const { Cell::new(0) };
}

unsafe extern "C" {
    fn sched_yield() -> i32;
    fn sched_setaffinity(process: i32, bytes: usize, mask: *const u64) -> i32;
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

/// CPU time of this thread, in seconds.
pub(crate) fn cpu_time_s() -> f64 {
    /// `CLOCK_THREAD_CPUTIME_ID` of Linux.
    const THREAD: i32 = 3;
    let mut time = [0; 2];
    // SAFETY: the time is seconds and nanoseconds.
    let status = unsafe { clock_gettime(THREAD, &raw mut time) };
    assert_eq!(status, 0);
    time[0] as f64 + time[1] as f64 * 1e-9
}

/// Starts a thread's work: it gets a number, and one of two CPUs.
pub(crate) fn start(number: usize) {
    NUMBER.set(number as u8);
    let mask = 1_u64 << (number % 2);
    // SAFETY: the mask is as long as said. If there is just one CPU, nothing changes.
    let _ = unsafe { sched_setaffinity(0, size_of_val(&mask), &raw const mask) };
}

/// Waits for another thread.
pub(crate) fn relax(turns: u32) {
    if turns < PATIENCE {
        std::hint::spin_loop();
    } else {
        // SAFETY: gives the CPU away.
        let _ = unsafe { sched_yield() };
    }
}

// SAFETY: as for `HostPlatform`, which is safe for several threads.
unsafe impl Platform for Threads {
    const LANES: usize = MAX_LANES;

    #[inline]
    fn relax(&self, turns: u32) {
        relax(turns);
    }

    #[inline]
    fn cpu(&self) -> u8 {
        NUMBER.get()
    }

    #[inline]
    fn stamp(&self) -> u64 {
        HostPlatform.stamp()
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the frame pointer must be that of the allocating function")]
    fn frame_pointer(&self) -> usize {
        HostPlatform.frame_pointer()
    }

    #[inline]
    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        HostPlatform.stack(frame_pointer)
    }

    #[inline]
    fn stack_fast(&self, frame_pointer: usize) -> Option<StackSpan> {
        HostPlatform.stack_fast(frame_pointer)
    }

    #[inline]
    fn enter_critical(&self) -> usize {
        0
    }

    #[inline]
    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        HostPlatform.take_page()
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: handed on to the caller.
        unsafe { HostPlatform.give_page(page) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for Threads {}

impl Hooks for Threads {}

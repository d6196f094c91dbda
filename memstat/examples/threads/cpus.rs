//! The CPUs that the threads run on, and the time that they get there.

/// Turns that a thread waits before it gives its CPU away.
const PATIENCE: u32 = 64;

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

/// Puts this thread on one of two CPUs.
pub(crate) fn pin(number: usize) {
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

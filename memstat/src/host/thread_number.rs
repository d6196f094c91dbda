//! A small number for each thread: by it a thread has a lane of the tracker, and is named in reports.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

/// How many were given out.
static GIVEN: AtomicU32 = AtomicU32::new(0);

std::thread_local! {
    /// This thread's number; 0 until it is asked for. Without a destructor and without a first value that has to be
    /// computed, so it can be read from a thread's first instruction to its last, and reading it never allocates.
    static NUMBER: Cell<u16> = const { Cell::new(0) };
}

/// This thread's number, from 1 to 65,535. Later threads begin anew at 1. A process that was forked keeps its own.
#[inline]
pub(super) fn get() -> u16 {
    match NUMBER.with(Cell::get) {
        0 => give(),
        number => number,
    }
}

/// This thread's number; 0 if nobody has asked for it yet.
#[inline]
pub(super) fn known() -> u16 {
    NUMBER.with(Cell::get)
}

#[cold]
#[inline(never)]
fn give() -> u16 {
    let number = from_count(GIVEN.fetch_add(1, Ordering::Relaxed));
    NUMBER.set(number);
    number
}

/// 0 is left out, as it means that there is none yet.
fn from_count(count: u32) -> u16 {
    (count % u32::from(u16::MAX)) as u16 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_anew_without_zero_and_stay_a_threads_own() {
        let wraps = [0, 65_533, 65_534, 65_535, 65_536].map(from_count);
        assert_eq!(wraps, [1, 65_534, 65_535, 1, 2]);
        assert!((0..200_000).all(|count| from_count(count) != 0));

        let own = get();
        assert_eq!(own, get());
        let other = std::thread::spawn(|| [get(), get()]).join().unwrap();
        assert!(other[0] == other[1] && other[0] != own);
    }
}

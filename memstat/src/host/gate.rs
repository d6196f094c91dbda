//! A lock that a fork can hold: taken before it by the thread that forks, and released after it in both processes, which
//! the locks of the standard library do not offer.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// A value behind a lock. Waiting threads let others run.
#[derive(Debug)]
pub(super) struct Gate<T> {
    is_held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time uses the value.
unsafe impl<T: Send> Sync for Gate<T> {}

impl<T> Gate<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { is_held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Uses the value. Must not be called again by `work`, which must not panic.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        self.hold();
        // SAFETY: the lock is held.
        let result = work(unsafe { &mut *self.value.get() });
        // SAFETY: held above, and not used any more.
        unsafe { self.release() };
        result
    }

    /// The value, for who holds the lock.
    ///
    /// # Safety
    ///
    /// The caller holds it.
    pub(super) unsafe fn value(&self) -> &T {
        // SAFETY: upheld by the caller.
        unsafe { &*self.value.get() }
    }

    /// Takes the lock until [`Gate::release`].
    pub(super) fn hold(&self) {
        while self.is_held.swap(true, Ordering::Acquire) {
            // SAFETY: it may be called at any time.
            unsafe { libc::sched_yield() };
        }
    }

    /// Releases the lock.
    ///
    /// # Safety
    ///
    /// The caller holds it, and uses the value no more.
    pub(super) unsafe fn release(&self) {
        self.is_held.store(false, Ordering::Release);
    }
}

//! The spin lock of a tracker, with interrupts masked while it is held.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::platform::Platform;

/// A value behind a spin lock. Unlike a general lock it is told its platform at each use, so that the
/// tracker holds just one.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    is_held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `enter` hands out one guard at a time, whichever CPU asks.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { is_held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Masks interrupts, waits for the lock and takes it.
    #[inline]
    pub(crate) fn enter<'a, P: Platform>(&'a self, platform: &'a P) -> Guard<'a, T, P> {
        let were_enabled = platform.mask_interrupts();
        while self.is_held.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            core::hint::spin_loop();
        }
        Guard { lock: self, platform, were_enabled }
    }
}

/// The right to use the value.
pub(crate) struct Guard<'a, T, P: Platform> {
    lock: &'a Lock<T>,
    platform: &'a P,
    were_enabled: bool,
}

impl<T, P: Platform> Deref for Guard<'_, T, P> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one until it is dropped.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T, P: Platform> DerefMut for Guard<'_, T, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` makes this reference the only one.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T, P: Platform> Drop for Guard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        self.lock.is_held.store(false, Ordering::Release);
        self.platform.restore_interrupts(self.were_enabled);
    }
}

//! The spin lock of a tracker, with interrupts masked while it is held.
//!
//! Waiting would never end if interrupted code on the same CPU holds the lock. The lock does not store its holder, which
//! would cost the fast path an instruction; a waiter asks the platform instead, between two attempts.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use portable_atomic::{AtomicU32, Ordering};

use crate::platform::Platform;

/// A value protected by a spin lock, with the platform that masks interrupts for it. The two are together so that a
/// [`Guard`] is two words, and is passed from the fast path to its continuation in registers.
#[derive(Debug)]
pub(crate) struct Lock<T, P> {
    platform: P,
    /// Bit 0 is set while it is held: setting a bit and testing it is one instruction.
    state: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: `enter` hands out one guard at a time, whichever CPU asks.
unsafe impl<T: Send, P: Sync> Sync for Lock<T, P> {}

impl<T, P: Platform> Lock<T, P> {
    pub(crate) const fn new(platform: P, value: T) -> Self {
        Self { platform, state: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }

    /// The platform; the lock need not be held.
    #[inline]
    pub(crate) fn platform(&self) -> &P {
        &self.platform
    }

    /// Masks interrupts and takes the lock if nobody holds it.
    ///
    /// # Errors
    ///
    /// [`Contended`] if somebody holds it; interrupts stay masked. It is best handled in a function of its own.
    #[expect(clippy::inline_always, reason = "on the fast path of every allocation")]
    #[inline(always)]
    pub(crate) fn enter_at_once(&self) -> Result<Guard<'_, T, P>, Contended> {
        let saved = self.platform.enter_critical();
        if self.state.fetch_or(1, Ordering::Acquire) & 1 != 0 {
            return Err(Contended { saved });
        }
        Ok(Guard { lock: self, saved })
    }

    /// Waits for the lock and takes it. `None` if it will never be free: then interrupts are as before.
    #[cold]
    #[expect(clippy::needless_pass_by_value, reason = "used once")]
    #[inline(never)]
    pub(crate) fn wait(&self, contended: Contended) -> Option<Guard<'_, T, P>> {
        let saved = contended.saved;
        while self.state.fetch_or(1, Ordering::Acquire) & 1 != 0 {
            if self.platform.is_lock_held_here() {
                self.platform.leave_critical(saved);
                return None;
            }
            core::hint::spin_loop();
        }
        Some(Guard { lock: self, saved })
    }

    /// Masks interrupts, waits for the lock and takes it.
    ///
    /// # Panics
    ///
    /// If it will never be free.
    #[inline]
    pub(crate) fn enter(&self) -> Guard<'_, T, P> {
        match self.enter_at_once() {
            Ok(guard) => guard,
            Err(contended) => self.wait_or_panic(contended),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_or_panic(&self, contended: Contended) -> Guard<'_, T, P> {
        let guard = self.wait(contended);
        guard.expect("deadlock: the interrupted code already holds the tracker's lock")
    }

    /// Releases the lock whose guard was forgotten. Interrupts stay as they are.
    ///
    /// # Safety
    ///
    /// The caller holds it.
    pub(crate) unsafe fn release(&self) {
        self.state.store(0, Ordering::Release);
    }

    /// Masks interrupts and takes the lock if nobody holds it; leaves interrupts as they were if somebody does.
    #[cold]
    pub(crate) fn try_enter(&self) -> Option<Guard<'_, T, P>> {
        let saved = self.platform.enter_critical();
        if self.state.fetch_or(1, Ordering::Acquire) & 1 == 0 {
            return Some(Guard { lock: self, saved });
        }
        self.platform.leave_critical(saved);
        None
    }
}

/// The lock is held by somebody else. Interrupts are masked until [`Lock::wait`] returns.
pub(crate) struct Contended {
    saved: usize,
}

/// Access to the value; dropping it releases the lock.
pub(crate) struct Guard<'a, T, P: Platform> {
    lock: &'a Lock<T, P>,
    saved: usize,
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
        self.lock.state.store(0, Ordering::Release);
        self.lock.platform.leave_critical(self.saved);
    }
}

//! The spin lock of a tracker, with interrupts masked while it is held.
//!
//! Where it is held by what this CPU itself has interrupted, waiting would never end. The lock does not keep who holds
//! it: that would cost the fast path an instruction. Who has to wait asks the platform, between two looks at the lock.

use core::cell::UnsafeCell;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::platform::Platform;

/// A value behind a spin lock. Unlike a general lock it is told its platform at each use, so that the
/// tracker holds just one.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    /// Bit 0 is set while it is held: setting a bit and looking at it is one instruction.
    state: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: `enter` hands out one guard at a time, whichever CPU asks.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { state: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }

    /// Masks interrupts and takes the lock if nobody holds it. Two instructions, whichever way it goes: what there is to
    /// do with an error is best done in a function of its own.
    #[expect(clippy::inline_always, reason = "on the fast path of every allocation")]
    #[inline(always)]
    pub(crate) fn enter_at_once<'a, P: Platform>(
        &'a self,
        platform: &'a P,
    ) -> Result<Guard<'a, T, P>, Contended> {
        let saved = platform.enter_critical();
        if self.state.fetch_or(1, Ordering::Acquire) & 1 != 0 {
            return Err(Contended { saved });
        }
        Ok(Guard { lock: self, platform, saved })
    }

    /// Waits for the lock and takes it. `None` if it will never be free: then interrupts are as before.
    #[cold]
    #[expect(clippy::needless_pass_by_value, reason = "used once")]
    #[inline(never)]
    pub(crate) fn wait<'a, P: Platform>(
        &'a self,
        platform: &'a P,
        contended: Contended,
    ) -> Option<Guard<'a, T, P>> {
        let saved = contended.saved;
        while self.state.fetch_or(1, Ordering::Acquire) & 1 != 0 {
            if platform.is_lock_held_here() {
                platform.leave_critical(saved);
                return None;
            }
            core::hint::spin_loop();
        }
        Some(Guard { lock: self, platform, saved })
    }

    /// Masks interrupts, waits for the lock and takes it.
    ///
    /// # Panics
    ///
    /// If it will never be free.
    #[inline]
    pub(crate) fn enter<'a, P: Platform>(&'a self, platform: &'a P) -> Guard<'a, T, P> {
        match self.enter_at_once(platform) {
            Ok(guard) => guard,
            Err(contended) => self.wait_or_panic(platform, contended),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_or_panic<'a, P: Platform>(&'a self, platform: &'a P, contended: Contended) -> Guard<'a, T, P> {
        let guard = self.wait(platform, contended);
        guard.expect("deadlock: the tracker is asked while what was interrupted holds its lock")
    }

    /// Masks interrupts and takes the lock if nobody holds it; leaves interrupts as they were if somebody does.
    #[cold]
    pub(crate) fn try_enter<'a, P: Platform>(&'a self, platform: &'a P) -> Option<Guard<'a, T, P>> {
        let saved = platform.enter_critical();
        if self.state.fetch_or(1, Ordering::Acquire) & 1 == 0 {
            return Some(Guard { lock: self, platform, saved });
        }
        platform.leave_critical(saved);
        None
    }

    /// Goes on with the lock where [`Guard::suspend`] left it.
    ///
    /// # Safety
    ///
    /// `suspended` came from a guard of this lock, and is used once.
    #[expect(clippy::needless_pass_by_value, reason = "used once")]
    #[inline]
    pub(crate) unsafe fn resume<'a, P: Platform>(
        &'a self,
        platform: &'a P,
        suspended: Suspended,
    ) -> Guard<'a, T, P> {
        Guard { lock: self, platform, saved: suspended.saved }
    }
}

/// The lock was not free. Interrupts are masked meanwhile.
pub(crate) struct Contended {
    saved: usize,
}

/// The right to use the value.
pub(crate) struct Guard<'a, T, P: Platform> {
    lock: &'a Lock<T>,
    platform: &'a P,
    saved: usize,
}

/// A lock that is held on, between two functions of which the second lets go of it. Passed as a value it
/// costs a register, where a guard would be written to memory.
pub(crate) struct Suspended {
    saved: usize,
}

impl<T, P: Platform> Guard<'_, T, P> {
    /// Holds the lock on without a guard, until [`Lock::resume`].
    #[inline]
    pub(crate) fn suspend(self) -> Suspended {
        Suspended { saved: ManuallyDrop::new(self).saved }
    }
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
        self.platform.leave_critical(self.saved);
    }
}

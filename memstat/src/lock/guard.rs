//! Who holds the tracker's lock.

use core::ops::{Deref, DerefMut};

use super::{Lock, Protected};
use crate::platform::Platform;

/// Access to the value; dropping it releases the lock.
pub(crate) struct Guard<'a, T: Protected, P: Platform> {
    pub(super) lock: &'a Lock<T, P>,
    /// What the platform returned when the lock was taken.
    pub(super) saved: usize,
}

impl<T: Protected, P: Platform> Guard<'_, T, P> {
    /// Releases the lock, which was taken by [`Lock::enter_owned`]: then there are no lanes that wait. Lanes that were
    /// stopped would be so for ever.
    #[expect(clippy::inline_always, reason = "on the fast path of every allocation")]
    #[inline(always)]
    pub(crate) fn leave_owned(self) {
        debug_assert!(!self.lock.has_lanes());
        self.lock.give();
        self.lock.platform.leave_critical(self.saved);
        core::mem::forget(self);
    }
}

impl<T: Protected, P: Platform> Deref for Guard<'_, T, P> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one until it is dropped.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: Protected, P: Platform> DerefMut for Guard<'_, T, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` makes this reference the only one.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: Protected, P: Platform> Drop for Guard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        if self.lock.has_lanes() {
            // SAFETY: the lock is held. Lanes that there are were stopped when it was taken, or were made since, stopped.
            unsafe { self.lock.let_lanes_go() };
        }
        self.lock.give();
        self.lock.platform.leave_critical(self.saved);
    }
}

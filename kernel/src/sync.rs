//! A spin lock that also masks interrupts on this CPU while it is held.
//!
//! Whatever an interrupt handler may touch (the heap, the log ring, the console) stands behind this
//! lock: a handler can then never spin on a lock that the code below it holds. The order in which locks
//! may be taken is written down in `memory/mod.rs`.

use core::ops::{Deref, DerefMut};
use spin::mutex::{SpinMutex, SpinMutexGuard};

#[cfg(target_os = "none")]
use crate::arch::cpu::{mask_interrupts, restore_interrupts};

/// A value that one CPU at a time may use, with interrupts masked meanwhile.
#[derive(Debug)]
pub(crate) struct IrqLock<T> {
    inner: SpinMutex<T>,
}

impl<T> IrqLock<T> {
    /// Wraps `value`.
    pub(crate) const fn new(value: T) -> Self {
        Self { inner: SpinMutex::new(value) }
    }

    /// Waits for the lock and takes it. Interrupts stay masked until the guard is dropped.
    pub(crate) fn lock(&self) -> IrqGuard<'_, T> {
        let were_enabled = mask_interrupts();
        IrqGuard { inner: Some(self.inner.lock()), were_enabled }
    }

    /// Takes the lock if nobody holds it.
    pub(crate) fn try_lock(&self) -> Option<IrqGuard<'_, T>> {
        let were_enabled = mask_interrupts();
        let inner = self.inner.try_lock();
        if inner.is_none() {
            restore_interrupts(were_enabled);
            return None;
        }
        Some(IrqGuard { inner, were_enabled })
    }
}

/// The right to use the value; gives lock and interrupt flag back when dropped.
#[derive(Debug)]
pub(crate) struct IrqGuard<'a, T> {
    /// `Some` until drop: the lock must go before interrupts come back.
    inner: Option<SpinMutexGuard<'a, T>>,
    were_enabled: bool,
}

impl<T> Deref for IrqGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("the guard is only emptied in drop")
    }
}

impl<T> DerefMut for IrqGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("the guard is only emptied in drop")
    }
}

impl<T> Drop for IrqGuard<'_, T> {
    fn drop(&mut self) {
        drop(self.inner.take());
        restore_interrupts(self.were_enabled);
    }
}

/// On the host there are no interrupts to mask.
#[cfg(not(target_os = "none"))]
fn mask_interrupts() -> bool {
    false
}

/// The counterpart of [`mask_interrupts`].
#[cfg(not(target_os = "none"))]
fn restore_interrupts(_were_enabled: bool) {}

//! A spin lock that also masks interrupts on this CPU while it is held.
//!
//! Whatever an interrupt handler may touch (the heap, the log ring, the console) stands behind this
//! lock: a handler can then never spin on a lock that the code below it holds. The order in which locks
//! may be taken is written down in `memory/mod.rs`.
//!
//! Who takes a lock that the same CPU holds would wait for ever: that is a panic instead, which names both places.

use core::ops::{Deref, DerefMut};
use core::panic::Location;

use spin::mutex::{SpinMutex, SpinMutexGuard};

use crate::memory::holder::Holder;

#[cfg(target_os = "none")]
use crate::arch::cpu::{is_alone, mask_interrupts, restore_interrupts};

/// A value that one CPU at a time may use, with interrupts masked meanwhile.
#[derive(Debug)]
pub(crate) struct IrqLock<T> {
    inner: SpinMutex<T>,
    /// Where it was taken last.
    holder: Holder,
}

impl<T> IrqLock<T> {
    /// Wraps `value`.
    pub(crate) const fn new(value: T) -> Self {
        Self { inner: SpinMutex::new(value), holder: Holder::new() }
    }

    /// Waits for the lock and takes it. Interrupts stay masked until the guard is dropped.
    ///
    /// # Panics
    ///
    /// If only this CPU can hold it, so that it would wait for ever.
    #[track_caller]
    pub(crate) fn lock(&self) -> IrqGuard<'_, T> {
        let were_enabled = mask_interrupts();
        // No closure: a panic would name that instead of the caller.
        let inner = match self.inner.try_lock() {
            Some(inner) => inner,
            None => self.wait(),
        };
        self.holder.note(Location::caller());
        IrqGuard { inner: Some(inner), were_enabled }
    }

    /// Takes the lock if nobody holds it.
    #[track_caller]
    pub(crate) fn try_lock(&self) -> Option<IrqGuard<'_, T>> {
        let were_enabled = mask_interrupts();
        let inner = self.inner.try_lock();
        if inner.is_none() {
            restore_interrupts(were_enabled);
            return None;
        }
        self.holder.note(Location::caller());
        Some(IrqGuard { inner, were_enabled })
    }

    #[cold]
    #[track_caller]
    fn wait(&self) -> SpinMutexGuard<'_, T> {
        if !is_alone() {
            return self.inner.lock();
        }
        match self.holder.place() {
            Some(place) => panic!("deadlock: this CPU itself has held the lock since {place}"),
            None => panic!("deadlock: this CPU itself holds the lock"),
        }
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

/// On the host other threads run.
#[cfg(not(target_os = "none"))]
fn is_alone() -> bool {
    false
}

/// On the host there are no interrupts to mask.
#[cfg(not(target_os = "none"))]
fn mask_interrupts() -> bool {
    false
}

/// The counterpart of [`mask_interrupts`].
#[cfg(not(target_os = "none"))]
fn restore_interrupts(_were_enabled: bool) {}

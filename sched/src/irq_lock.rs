//! A spin lock that also masks interrupts on this CPU while it is held.
//!
//! All data that an interrupt handler may access (the heap, the log ring, the console) is protected by this lock, so a
//! handler never spins on a lock that the interrupted code holds. `docs/memory.md` has the order of all locks.
//!
//! Taking a lock that the same CPU holds would wait for ever: it panics instead, with both source locations.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::panic::Location;

use spin::mutex::{SpinMutex, SpinMutexGuard};

use crate::holder::Holder;

/// What a lock needs from the CPU.
pub trait Cpu {
    /// Masks interrupts, and returns whether they were enabled.
    fn mask_interrupts() -> bool;

    /// The counterpart of [`mask_interrupts`](Self::mask_interrupts): enables them again if they were.
    fn restore_interrupts(were_enabled: bool);

    /// Whether no other CPU runs, so that waiting for a lock would never end.
    fn is_alone() -> bool;
}

/// A value that one CPU at a time may access, with interrupts masked.
#[derive(Debug)]
pub struct IrqLock<T, C: Cpu> {
    inner: SpinMutex<T>,
    /// Where the lock was last taken.
    holder: Holder,
    cpu: PhantomData<fn() -> C>,
}

impl<T, C: Cpu> IrqLock<T, C> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self { inner: SpinMutex::new(value), holder: Holder::new(), cpu: PhantomData }
    }

    /// Waits for the lock and takes it. Interrupts stay masked until the guard is dropped.
    ///
    /// # Panics
    ///
    /// If this CPU holds the lock already and is the only one that runs.
    #[track_caller]
    pub fn lock(&self) -> IrqGuard<'_, T, C> {
        let were_enabled = C::mask_interrupts();
        // Not a closure: a panic would show its location instead of the caller's.
        let inner = match self.inner.try_lock() {
            Some(inner) => inner,
            None => self.wait(),
        };
        self.holder.note(Location::caller());
        IrqGuard { inner: Some(inner), were_enabled, cpu: PhantomData }
    }

    /// As [`IrqLock::lock`], where interrupts are masked already, and stay so until the guard is dropped.
    ///
    /// # Panics
    ///
    /// As for [`IrqLock::lock`].
    #[inline]
    #[track_caller]
    pub fn lock_masked(&self) -> IrqGuard<'_, T, C> {
        let inner = match self.inner.try_lock() {
            Some(inner) => inner,
            None => self.wait(),
        };
        self.holder.note(Location::caller());
        IrqGuard { inner: Some(inner), were_enabled: false, cpu: PhantomData }
    }

    /// Takes the lock if nobody holds it.
    #[track_caller]
    pub fn try_lock(&self) -> Option<IrqGuard<'_, T, C>> {
        let were_enabled = C::mask_interrupts();
        let inner = self.inner.try_lock();
        if inner.is_none() {
            C::restore_interrupts(were_enabled);
            return None;
        }
        self.holder.note(Location::caller());
        Some(IrqGuard { inner, were_enabled, cpu: PhantomData })
    }

    #[cold]
    #[track_caller]
    fn wait(&self) -> SpinMutexGuard<'_, T> {
        if !C::is_alone() {
            return self.inner.lock();
        }
        match self.holder.place() {
            Some(place) => panic!("deadlock: this CPU itself has held the lock since {place}"),
            None => panic!("deadlock: this CPU itself holds the lock"),
        }
    }
}

/// Access to the value. Dropping it releases the lock and restores the interrupt flag.
#[derive(Debug)]
pub struct IrqGuard<'a, T, C: Cpu> {
    /// `Some` until drop: the lock must be released before interrupts are restored.
    inner: Option<SpinMutexGuard<'a, T>>,
    were_enabled: bool,
    cpu: PhantomData<fn() -> C>,
}

impl<T, C: Cpu> Deref for IrqGuard<'_, T, C> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("the guard is only emptied in drop")
    }
}

impl<T, C: Cpu> DerefMut for IrqGuard<'_, T, C> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("the guard is only emptied in drop")
    }
}

impl<T, C: Cpu> Drop for IrqGuard<'_, T, C> {
    fn drop(&mut self) {
        drop(self.inner.take());
        C::restore_interrupts(self.were_enabled);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::catch_unwind;

    use super::*;

    thread_local! {
        static IS_ENABLED: Cell<bool> = const { Cell::new(true) };
    }

    /// A CPU for each thread, which says that it is the only one.
    #[derive(Debug)]
    struct OnlyCpu;

    impl Cpu for OnlyCpu {
        fn mask_interrupts() -> bool {
            IS_ENABLED.replace(false)
        }

        fn restore_interrupts(were_enabled: bool) {
            IS_ENABLED.set(were_enabled);
        }

        fn is_alone() -> bool {
            true
        }
    }

    #[test]
    fn interrupts_are_masked_until_the_outermost_guard_is_dropped() {
        let (outer, inner) = (IrqLock::<_, OnlyCpu>::new(1), IrqLock::<_, OnlyCpu>::new(2));
        let first = outer.lock();
        *inner.lock() += *first;
        assert!(!IS_ENABLED.get());
        assert!(outer.try_lock().is_none() && !IS_ENABLED.get());
        drop(first);
        assert!(IS_ENABLED.get());
        assert_eq!(inner.try_lock().map(|guard| *guard), Some(3));
        assert!(IS_ENABLED.get());
    }

    #[test]
    fn who_takes_its_own_lock_again_is_reported_where_it_was_taken() {
        static LOCK: IrqLock<(), OnlyCpu> = IrqLock::new(());
        let reported = catch_unwind(|| {
            let _first = LOCK.lock();
            let _second = LOCK.lock();
        });
        let message = *reported.unwrap_err().downcast::<String>().unwrap();
        let line = line!() - 4;
        let place = format!("held the lock since {}:{line}", file!());
        assert!(message.starts_with("deadlock: ") && message.contains(&place), "{message}");
    }
}

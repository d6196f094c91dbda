//! The spin lock of a tracker, with interrupts masked while it is held.
//!
//! Waiting would never end if interrupted code on the same CPU holds the lock. The lock does not store its holder, which
//! would cost the fast path an instruction; a waiter asks the platform instead, between two attempts.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use portable_atomic::{AtomicU32, Ordering};

use crate::platform::Platform;

pub(crate) mod gate;
pub(crate) mod latch;
mod word;

use gate::{Gate, Gates};

/// What a lock protects. Both methods are called only where there are lanes.
pub(crate) trait Protected {
    /// The lock was taken: no lane is at work.
    fn entered(&mut self);

    /// The lock is about to be released: lanes may go on.
    fn leaving(&mut self);
}

/// A value protected by a spin lock, with the platform that masks interrupts for it. The two are together so that a
/// [`Guard`] is two words, and is passed from the fast path to its continuation in registers.
#[derive(Debug)]
pub(crate) struct Lock<T, P> {
    platform: P,
    /// Bit 0 is set while it is held: setting a bit and testing it is one instruction.
    state: AtomicU32,
    gates: Gates,
    value: UnsafeCell<T>,
}

// SAFETY: `enter` hands out one guard at a time, whichever CPU asks; who has a lane's guard gets a pointer only.
unsafe impl<T: Send, P: Sync> Sync for Lock<T, P> {}

impl<T: Protected, P: Platform> Lock<T, P> {
    pub(crate) const fn new(platform: P, value: T) -> Self {
        Self { platform, state: AtomicU32::new(0), gates: Gates::new(), value: UnsafeCell::new(value) }
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
        if P::LANES > 1 && !self.stop_lanes() {
            self.state.store(0, Ordering::Release);
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
        let mut turns = 0_u32;
        while self.state.fetch_or(1, Ordering::Acquire) & 1 != 0 {
            if self.platform.is_lock_held_here() {
                self.platform.leave_critical(saved);
                return None;
            }
            self.platform.relax(turns);
            turns = turns.saturating_add(1);
        }
        if P::LANES > 1 && !self.stop_lanes() {
            self.state.store(0, Ordering::Release);
            self.platform.leave_critical(saved);
            return None;
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

    /// Releases the lock whose guard was forgotten, and lets lanes go on. Interrupts stay as they are.
    ///
    /// # Safety
    ///
    /// The caller holds it.
    pub(crate) unsafe fn release(&self) {
        if P::LANES > 1 {
            // SAFETY: the lock is held and all gates are closed.
            unsafe { &mut *self.value.get() }.leaving();
            self.gates.open_all();
        }
        self.state.store(0, Ordering::Release);
    }

    /// Masks interrupts and takes the lock if nobody holds it; leaves interrupts as they were if somebody does.
    #[cold]
    pub(crate) fn try_enter(&self) -> Option<Guard<'_, T, P>> {
        let saved = self.platform.enter_critical();
        if self.state.fetch_or(1, Ordering::Acquire) & 1 == 0 {
            if P::LANES == 1 || self.gates.try_close_all() {
                self.entered();
                return Some(Guard { lock: self, saved });
            }
            self.state.store(0, Ordering::Release);
        }
        self.platform.leave_critical(saved);
        None
    }

    /// Closes the gates of all lanes, for who has the lock. False if that would never end.
    #[inline(never)]
    fn stop_lanes(&self) -> bool {
        let is_done = self.gates.close_all(&self.platform);
        if is_done {
            self.entered();
        }
        is_done
    }

    fn entered(&self) {
        if P::LANES > 1 {
            // SAFETY: the lock is held and all gates are closed.
            unsafe { &mut *self.value.get() }.entered();
        }
    }

    /// Masks interrupts and closes the gate of this CPU's or thread's lane, if it is open.
    #[expect(clippy::inline_always, reason = "on the fast path of every allocation")]
    #[inline(always)]
    pub(crate) fn enter_lane(&self) -> Result<Lane<'_, T, P>, NoLane> {
        let saved = self.platform.enter_critical();
        let Some(gate) = self.gates.get(usize::from(self.platform.cpu()) % Self::LANES) else {
            self.platform.leave_critical(saved);
            return Err(NoLane::None);
        };
        if gate.close_at_once() {
            Ok(Lane { lock: self, gate, saved })
        } else {
            Err(NoLane::Contended(Contended { saved }))
        }
    }

    /// Waits for the gate of this CPU's or thread's lane and closes it. `None` if it will never be open: then interrupts
    /// are as before.
    #[cold]
    #[expect(clippy::needless_pass_by_value, reason = "used once")]
    #[inline(never)]
    pub(crate) fn wait_for_lane(&self, contended: Contended) -> Option<Lane<'_, T, P>> {
        let saved = contended.saved;
        let gate = self.gates.get(usize::from(self.platform.cpu()) % Self::LANES);
        let gate = gate.filter(|gate| gate.close(&self.platform));
        if gate.is_none() {
            self.platform.leave_critical(saved);
        }
        gate.map(|gate| Lane { lock: self, gate, saved })
    }

    /// Lanes that there can be.
    const LANES: usize = if P::LANES < gate::MAX_LANES { P::LANES } else { gate::MAX_LANES };

    /// Gives this CPU or thread a lane, unless it has one. It counts as one that was stopped. Whoever calls this has the
    /// lock.
    ///
    /// # Safety
    ///
    /// What `make` returns stays where it is for ever.
    #[cold]
    pub(crate) unsafe fn add_lane(&self, make: impl FnOnce(usize) -> Option<NonNull<Gate>>) {
        let number = usize::from(self.platform.cpu()) % Self::LANES;
        if self.gates.get(number).is_none()
            && let Some(gate) = make(number)
        {
            self.gates.put(number, gate);
        }
    }
}

/// The lock is held by somebody else. Interrupts are masked until [`Lock::wait`] returns.
pub(crate) struct Contended {
    saved: usize,
}

/// Why a lane could not be entered.
pub(crate) enum NoLane {
    /// There is none yet.
    None,
    /// Its gate is closed.
    Contended(Contended),
}

/// The right to do with the value what lanes may do at once. Dropping it gives that up.
pub(crate) struct Lane<'a, T: Protected, P: Platform> {
    lock: &'a Lock<T, P>,
    gate: &'a Gate,
    saved: usize,
}

impl<'a, T: Protected, P: Platform> Lane<'a, T, P> {
    /// The value. Other lanes have the same pointer.
    #[inline]
    pub(crate) fn value(&self) -> *mut T {
        self.lock.value.get()
    }

    /// The lane's gate, whose address was handed to [`Lock::add_lane`].
    #[inline]
    pub(crate) fn gate(&self) -> *const Gate {
        self.gate
    }

    /// The surroundings of the lock.
    #[inline]
    pub(crate) fn platform(&self) -> &'a P {
        &self.lock.platform
    }
}

impl<T: Protected, P: Platform> Drop for Lane<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        self.gate.open();
        self.lock.platform.leave_critical(self.saved);
    }
}

/// Access to the value; dropping it releases the lock.
pub(crate) struct Guard<'a, T: Protected, P: Platform> {
    lock: &'a Lock<T, P>,
    saved: usize,
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
        if P::LANES > 1 {
            self.leaving();
            self.lock.gates.open_all();
        }
        self.lock.state.store(0, Ordering::Release);
        self.lock.platform.leave_critical(self.saved);
    }
}

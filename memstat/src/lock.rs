//! The spin lock of a tracker, with interrupts masked while it is held.
//!
//! Waiting would never end if interrupted code on the same CPU holds the lock. The lock does not store its holder, which
//! would cost the fast path an instruction; a waiter asks the platform instead, between two attempts.
//!
//! Where there can be lanes, there are none as long as only one CPU or thread has ever come, the owner: it takes this lock,
//! which costs less than a lane. When a second one comes, lanes are made, for ever. The lock's word has the owner's number
//! while nobody holds it: so one exchange finds out that it is free, that this is the owner, and that there are no lanes.

use core::cell::UnsafeCell;
use core::ptr::NonNull;

use portable_atomic::{AtomicU32, Ordering};

use crate::platform::Platform;

pub(crate) mod checker;
pub(crate) mod gate;
mod guard;
pub(crate) mod latch;
mod word;

use gate::{Gate, Gates};
pub(crate) use guard::Guard;

/// In the place of the owner, once there are lanes: no CPU or thread has this number.
const NO_OWNER: u32 = u32::MAX - 1;
/// The word while the lock is held, where there can be lanes.
const HELD: u32 = u32::MAX;

/// What a lock protects. Both methods are called only once there are lanes.
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
    /// Bit 0 is set while it is held: setting a bit and testing it is one instruction. Where there can be lanes, it is
    /// [`HELD`], or else the owner.
    state: AtomicU32,
    /// [`Platform::cpu_fast`] of the only CPU or thread that has come yet, or [`NO_OWNER`]. 0 before anybody has come, which
    /// may be the first one's number or not. Written by who holds the lock.
    owner: AtomicU32,
    gates: Gates,
    value: UnsafeCell<T>,
}

// SAFETY: `enter` hands out one guard at a time, whichever CPU asks; who has a lane's guard gets a pointer only.
unsafe impl<T: Send, P: Sync> Sync for Lock<T, P> {}

impl<T: Protected, P: Platform> Lock<T, P> {
    pub(crate) const fn new(platform: P, value: T) -> Self {
        Self {
            platform,
            state: AtomicU32::new(0),
            owner: AtomicU32::new(0),
            gates: Gates::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The platform; the lock need not be held.
    #[inline]
    pub(crate) fn platform(&self) -> &P {
        &self.platform
    }

    #[expect(clippy::inline_always, reason = "on the fast path of every allocation")]
    #[inline(always)]
    fn take(&self) -> bool {
        if P::LANES > 1 {
            let free = checker::unordered(&self.state).load(Ordering::Relaxed);
            return free != HELD && self.take_from(free);
        }
        let is_taken = self.state.fetch_or(1, Ordering::Acquire) & 1 == 0;
        if is_taken {
            checker::acquired(&self.state);
        }
        is_taken
    }

    /// Takes the lock if its word is `free`.
    #[expect(clippy::inline_always, reason = "on the fast path of every allocation")]
    #[inline(always)]
    fn take_from(&self, free: u32) -> bool {
        let is_taken = self.state.compare_exchange(free, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if is_taken {
            checker::acquired(&self.state);
        }
        is_taken
    }

    #[inline]
    fn give(&self) {
        checker::releasing(&self.state);
        let free = if P::LANES > 1 { checker::unordered(&self.owner).load(Ordering::Relaxed) } else { 0 };
        self.state.store(free, Ordering::Release);
    }

    /// Whether this CPU or thread is the only one that has come yet, and nobody holds the lock, as far as a look says. Always
    /// true where there can be no lanes.
    #[expect(clippy::inline_always, reason = "on the fast path of every allocation")]
    #[inline(always)]
    pub(crate) fn is_owned(&self) -> bool {
        P::LANES == 1 || checker::unordered(&self.state).load(Ordering::Relaxed) == self.platform.cpu_fast()
    }

    /// Whether this CPU or thread is the only one that has come yet, for who has the lock.
    pub(crate) fn is_owner(&self) -> bool {
        P::LANES == 1 || checker::unordered(&self.owner).load(Ordering::Relaxed) == self.platform.cpu_fast()
    }

    /// Makes this CPU or thread the owner, when the lock is taken for the first time. Whoever calls this has it.
    pub(crate) fn set_owner(&self) {
        if P::LANES > 1 && !self.has_lanes() {
            // It may get its number by that.
            self.platform.cpu();
            checker::unordered(&self.owner).store(self.platform.cpu_fast(), Ordering::Relaxed);
        }
    }

    /// Whether there are lanes, for who has the lock; else, as far as a look says.
    #[inline]
    pub(crate) fn has_lanes(&self) -> bool {
        P::LANES > 1 && checker::unordered(&self.owner).load(Ordering::Relaxed) == NO_OWNER
    }

    /// Masks interrupts and takes the lock if nobody holds it, and this is its owner: so there are no lanes.
    ///
    /// # Errors
    ///
    /// [`Contended`] if that is not so; interrupts stay masked. It is best handled in a function of its own.
    #[expect(clippy::inline_always, reason = "on the fast path of every allocation")]
    #[inline(always)]
    pub(crate) fn enter_owned(&self) -> Result<Guard<'_, T, P>, Contended> {
        let saved = self.platform.enter_critical();
        let is_taken = if P::LANES > 1 { self.take_from(self.platform.cpu_fast()) } else { self.take() };
        if is_taken { Ok(Guard { lock: self, saved }) } else { Err(Contended { saved }) }
    }

    /// Masks interrupts and takes the lock if nobody holds it.
    ///
    /// # Errors
    ///
    /// As for [`Lock::enter_owned`], but for lanes: they are stopped.
    #[inline]
    pub(crate) fn enter_at_once(&self) -> Result<Guard<'_, T, P>, Contended> {
        let saved = self.platform.enter_critical();
        if !self.take() {
            return Err(Contended { saved });
        }
        if self.has_lanes() && !self.stop_lanes() {
            self.give();
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
        while !self.take() {
            if self.platform.is_lock_held_here() {
                self.platform.leave_critical(saved);
                return None;
            }
            self.platform.relax(turns);
            turns = turns.saturating_add(1);
        }
        if self.has_lanes() && !self.stop_lanes() {
            self.give();
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
        if self.has_lanes() {
            // SAFETY: upheld by the caller; all gates are closed.
            unsafe { self.let_lanes_go() };
        }
        self.give();
    }

    /// Masks interrupts and takes the lock if nobody holds it; leaves interrupts as they were if somebody does.
    #[cold]
    pub(crate) fn try_enter(&self) -> Option<Guard<'_, T, P>> {
        let saved = self.platform.enter_critical();
        if self.take() {
            if !self.has_lanes() || self.gates.try_close_all() && self.tell_entered() {
                return Some(Guard { lock: self, saved });
            }
            self.give();
        }
        self.platform.leave_critical(saved);
        None
    }

    /// Closes the gates of all lanes, for who has the lock. False if that would never end.
    #[inline(never)]
    fn stop_lanes(&self) -> bool {
        self.gates.close_all(&self.platform) && self.tell_entered()
    }

    /// Tells the value that all lanes are stopped; true.
    fn tell_entered(&self) -> bool {
        // SAFETY: the lock is held and all gates are closed.
        unsafe { &mut *self.value.get() }.entered();
        true
    }

    /// Lets lanes go on.
    ///
    /// # Safety
    ///
    /// The lock is held, all gates are closed, and nobody refers to the value.
    #[cold]
    #[inline(never)]
    unsafe fn let_lanes_go(&self) {
        // SAFETY: upheld by the caller.
        unsafe { &mut *self.value.get() }.leaving();
        self.gates.open_all();
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
            checker::unordered(&self.owner).store(NO_OWNER, Ordering::Relaxed);
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

//! The gates of lanes: a gate is closed by the lane's own CPU or thread for the time of one operation, or by who holds the
//! tracker's lock and stops all lanes.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::platform::Platform;

/// The most lanes that there are. More CPUs or threads share them.
pub const MAX_LANES: usize = 64;

/// A lane's gate, in a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Gate {
    /// 1 while it is closed.
    state: AtomicU32,
    /// 1 while somebody wants to stop all lanes: the lane's own is to wait, or that one might for ever.
    is_wanted: AtomicU32,
}

impl Gate {
    /// A gate that is closed by who stops all lanes.
    pub(crate) const fn stopped() -> Self {
        Self { state: AtomicU32::new(1), is_wanted: AtomicU32::new(1) }
    }

    /// Closes the gate if it is open and nobody else wants to.
    #[inline]
    pub(super) fn close_at_once(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed) == 0 && self.state.swap(1, Ordering::Acquire) == 0
    }

    /// Waits until the gate can be closed; false if that would never end.
    pub(super) fn close(&self, platform: &impl Platform) -> bool {
        let mut turns = 0_u32;
        while !self.close_at_once() {
            if !wait(platform, &mut turns) {
                return false;
            }
        }
        true
    }

    #[inline]
    pub(super) fn open(&self) {
        self.state.store(0, Ordering::Release);
    }

    /// Closes the gate before its own lane does so again; false if waiting would never end.
    fn stop(&self, platform: &impl Platform) -> bool {
        self.is_wanted.store(1, Ordering::Relaxed);
        let mut turns = 0_u32;
        while self.state.swap(1, Ordering::Acquire) != 0 {
            if !wait(platform, &mut turns) {
                self.is_wanted.store(0, Ordering::Relaxed);
                return false;
            }
        }
        true
    }

    fn try_stop(&self) -> bool {
        let is_closed = self.state.swap(1, Ordering::Acquire) == 0;
        if is_closed {
            self.is_wanted.store(1, Ordering::Relaxed);
        }
        is_closed
    }

    fn release(&self) {
        self.is_wanted.store(0, Ordering::Relaxed);
        self.open();
    }
}

/// Waits a turn; false if waiting would never end.
fn wait(platform: &impl Platform, turns: &mut u32) -> bool {
    if platform.is_lock_held_here() {
        return false;
    }
    platform.relax(*turns);
    *turns = turns.saturating_add(1);
    true
}

/// The gates of all lanes. Lanes are added by who holds the tracker's lock, and stay.
#[derive(Debug)]
pub(crate) struct Gates {
    gates: [AtomicPtr<Gate>; MAX_LANES],
    /// One more than the highest number of a lane.
    end: AtomicU32,
}

impl Gates {
    pub(super) const fn new() -> Self {
        Self { gates: [const { AtomicPtr::new(null_mut()) }; MAX_LANES], end: AtomicU32::new(0) }
    }

    /// The gate of a lane, if there is that lane.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<&Gate> {
        let gate = self.gates[number % MAX_LANES].load(Ordering::Acquire);
        // SAFETY: a gate was written before its address, and stays where it is for ever.
        unsafe { gate.as_ref() }
    }

    /// Adds a lane, which is stopped.
    pub(super) fn put(&self, number: usize, gate: NonNull<Gate>) {
        if let Some(place) = self.gates.get(number) {
            place.store(gate.as_ptr(), Ordering::Release);
            self.end.fetch_max(number as u32 + 1, Ordering::Relaxed);
        }
    }

    fn up_to(&self, end: usize) -> impl Iterator<Item = &Gate> {
        (0..end).filter_map(|number| self.get(number))
    }

    fn end(&self) -> usize {
        self.end.load(Ordering::Relaxed) as usize
    }

    /// Stops all lanes, in the order of their numbers; false if that would never end: then none is stopped.
    pub(super) fn close_all(&self, platform: &impl Platform) -> bool {
        self.close_all_by(|gate| gate.stop(platform))
    }

    /// Stops all lanes if none is at work.
    pub(super) fn try_close_all(&self) -> bool {
        self.close_all_by(Gate::try_stop)
    }

    fn close_all_by(&self, close: impl Fn(&Gate) -> bool) -> bool {
        for number in 0..self.end() {
            if self.get(number).is_some_and(|gate| !close(gate)) {
                self.up_to(number).for_each(Gate::release);
                return false;
            }
        }
        true
    }

    /// Lets all lanes go on.
    pub(super) fn open_all(&self) {
        self.up_to(self.end()).for_each(Gate::release);
    }
}

//! The gates of lanes: a gate is closed by the lane's own CPU or thread for the time of one operation, or by who holds the
//! tracker's lock and stops all lanes.

use core::ptr::{NonNull, null_mut};
use portable_atomic::{AtomicPtr, AtomicU32, Ordering};

use super::checker;
use super::word::Word;
use crate::platform::Platform;

/// The most lanes that there are. More CPUs or threads share them.
pub const MAX_LANES: usize = 64;

/// A lane's gate, in a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Gate<W = AtomicU32> {
    /// 1 while it is closed.
    state: W,
    /// 1 while somebody wants to stop all lanes: the lane's own is to wait, or that one might for ever.
    is_wanted: W,
}

impl Gate {
    /// A gate that is closed by who stops all lanes.
    pub(crate) const fn stopped() -> Self {
        Self { state: AtomicU32::new(1), is_wanted: AtomicU32::new(1) }
    }
}

impl<W: Word> Gate<W> {
    /// Closes the gate if it is open and nobody else wants to.
    #[inline]
    pub(super) fn close_at_once(&self) -> bool {
        self.is_wanted.look() == 0 && self.state.take() == 0
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
        self.state.give();
    }

    /// Closes the gate before its own lane does so again; false if waiting would never end.
    fn stop(&self, platform: &impl Platform) -> bool {
        self.is_wanted.put(1);
        let mut turns = 0_u32;
        while self.state.take() != 0 {
            if !wait(platform, &mut turns) {
                self.is_wanted.put(0);
                return false;
            }
        }
        true
    }

    fn try_stop(&self) -> bool {
        let is_closed = self.state.take() == 0;
        if is_closed {
            self.is_wanted.put(1);
        }
        is_closed
    }

    fn release(&self) {
        self.is_wanted.put(0);
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
        let place = &self.gates[number % MAX_LANES];
        let gate = place.load(Ordering::Acquire);
        checker::acquired(place);
        // SAFETY: a gate was written before its address, and stays where it is for ever.
        unsafe { gate.as_ref() }
    }

    /// Adds a lane, which is stopped.
    pub(super) fn put(&self, number: usize, gate: NonNull<Gate>) {
        if let Some(place) = self.gates.get(number) {
            checker::releasing(place);
            place.store(gate.as_ptr(), Ordering::Release);
            checker::unordered(&self.end).fetch_max(number as u32 + 1, Ordering::Relaxed);
        }
    }

    fn up_to(&self, end: usize) -> impl Iterator<Item = &Gate> {
        (0..end).filter_map(|number| self.get(number))
    }

    fn end(&self) -> usize {
        checker::unordered(&self.end).load(Ordering::Relaxed) as usize
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

#[cfg(test)]
mod tests {
    use std::cell::UnsafeCell;
    use std::sync::Arc;

    use shuttle::sync::atomic::AtomicU32;
    use shuttle::thread;

    use super::*;
    use crate::lock::word::explored::Explored;

    const LANES: usize = 2;

    /// As much of a tracker as matters here: each lane has figures of its own, which change together, as the level says.
    struct Lanes {
        lock: shuttle::sync::Mutex<()>,
        gates: [Gate<AtomicU32>; LANES],
        figures: [UnsafeCell<[u32; 2]>; LANES],
        level: UnsafeCell<u32>,
    }

    // SAFETY: what is in the cells is used by who has closed the gate, or all of them, or has the latch.
    unsafe impl Sync for Lanes {}

    impl Lanes {
        fn work(&self, lane: usize) {
            assert!(self.gates[lane].close(&Explored));
            // SAFETY: the gate is closed.
            let figures = unsafe { &mut *self.figures[lane].get() };
            // SAFETY: nobody writes it while a gate is closed.
            let level = unsafe { *self.level.get() };
            figures[0] += 1;
            thread::yield_now();
            figures[1] += 1;
            // SAFETY: as above.
            let level_at_end = unsafe { *self.level.get() };
            assert_eq!(level, level_at_end, "the level stays while an operation is under way");
            self.gates[lane].open();
        }

        fn switch(&self) -> u32 {
            let _lock = self.lock.lock().unwrap();
            assert!(self.gates.iter().all(|gate| gate.stop(&Explored)));
            // SAFETY: all gates are closed.
            let sum = unsafe {
                *self.level.get() += 1;
                thread::yield_now();
                self.figures.iter().map(|figures| *figures.get()).map(|[first, second]| {
                    assert_eq!(first, second, "no operation is under way");
                    first
                })
            }
            .sum();
            self.gates.iter().for_each(Gate::release);
            sum
        }
    }

    #[test]
    fn all_lanes_are_stopped_between_operations_in_every_order() {
        let run = || {
            let gate = || Gate { state: AtomicU32::new(0), is_wanted: AtomicU32::new(0) };
            let lanes = Arc::new(Lanes {
                lock: shuttle::sync::Mutex::new(()),
                gates: [gate(), gate()],
                figures: [const { UnsafeCell::new([0; 2]) }; LANES],
                level: UnsafeCell::new(0),
            });
            // Two threads share the first lane.
            let workers = [0, 0, 1].map(|lane| {
                let lanes = Arc::clone(&lanes);
                thread::spawn(move || (0..2).for_each(|_| lanes.work(lane)))
            });
            let switchers = [(); 2].map(|()| {
                let lanes = Arc::clone(&lanes);
                thread::spawn(move || assert!(lanes.switch() <= 6))
            });
            for thread in workers.into_iter().chain(switchers) {
                thread.join().unwrap();
            }
            assert_eq!(lanes.switch(), 6);
        };
        shuttle::check_random(run, 2000);
        shuttle::check_pct(run, 2000, 3);
    }
}

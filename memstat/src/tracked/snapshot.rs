//! What a crash report needs, copied in one critical section, if the lock is free.
//!
//! The crashed code may hold the lock and never release it, so this does not wait.

use super::Tracked;
use crate::backend::Backend;
use crate::counters::Counters;
use crate::guard_level::GuardLevel;
use crate::history::{Event, EventKind};
use crate::level::Level;
use crate::platform::Platform;

/// A consistent snapshot of the counters and the last `EVENTS` events. Where there is no history, the last frees take
/// their place, as far as they are remembered; their sequence number is 0.
#[derive(Clone, Copy, Debug)]
pub struct CrashSnapshot<const EVENTS: usize> {
    /// How much was recorded.
    pub level: Level,
    /// How much was guarded.
    pub guard: GuardLevel,
    /// What was counted.
    pub counters: Counters,
    /// Events that were ever written.
    pub written: u64,
    events: [Event; EVENTS],
    /// The innermost return address outside the allocator of each event; 0 where it is not known.
    callers: [usize; EVENTS],
    count: usize,
}

impl<const EVENTS: usize> CrashSnapshot<EVENTS> {
    /// The events, oldest first, each with the return address of the call to the allocator, if that is known.
    pub fn events(&self) -> impl Iterator<Item = (&Event, Option<usize>)> {
        let callers = self.callers.iter().map(|&address| (address != 0).then_some(address));
        self.events.iter().zip(callers).take(self.count)
    }
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// A snapshot for a crash report. `None` if the tracker's lock is held: this never waits.
    #[cold]
    pub fn try_snapshot<const EVENTS: usize>(&self) -> Option<CrashSnapshot<EVENTS>> {
        let mut inner = self.inner.try_enter()?;
        if !inner.is_ready() {
            inner.prepare(P::LANES > 1);
            self.inner.set_owner();
        }
        let written = inner.written_events::<P>();
        let mut events = [Event::EMPTY; EVENTS];
        let mut count = inner.newest_events::<P>(&mut events);
        let mut callers = events.map(|event| {
            let stack = inner.depot.get(event.record().stack());
            stack.and_then(|stack| stack.frames().first().copied()).unwrap_or(0)
        });
        if count == 0 {
            let is_caller = |address: &usize| !self.platform().is_allocator_code(*address);
            let frees = inner.recent_frees.newest_first().chain(inner.frees_of_lanes());
            for ((event, caller), free) in events.iter_mut().zip(&mut callers).zip(frees) {
                *event = Event::of_block(EventKind::Free, &free.free());
                *caller = free.callers().into_iter().find(is_caller).unwrap_or(0);
                count += 1;
            }
            events.get_mut(..count).unwrap_or_default().reverse();
            callers.get_mut(..count).unwrap_or_default().reverse();
        }
        Some(CrashSnapshot {
            level: inner.level,
            guard: inner.guards.level,
            counters: inner.counters(),
            written,
            events,
            callers,
            count,
        })
    }
}

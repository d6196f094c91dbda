//! The state behind the tracker's lock: the backend and all records, which change together.
//!
//! This file has what the slow paths of several operations share. The operations themselves are in `allocate`, `free`
//! and `reallocate`, one module up.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::lanes::Common;
use crate::arena::Arena;
use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::counters::{Since, Tallies};
use crate::guard::Guards;
use crate::history::{Event, EventKind, History};
use crate::level::Level;
use crate::live::LiveMap;
use crate::platform::{Platform, StackSpan};
use crate::reach::Scanner;
use crate::recent_frees::{CALLERS, RecentFrees};
use crate::record::{Guarding, Origin, Record};
use crate::stacks::{Depot, MAX_FRAMES, MAX_FREE_FRAMES, Stack, walk};

mod checks;
mod claim;
mod figures;
mod frees;
mod guarded;
mod life;
#[cfg(test)]
mod limits;
mod resize;
mod sampled;
mod scan;
mod slot;
mod steps;
mod taken;
mod unrecorded;

pub(super) use claim::{Claim, PointerOnly};
use slot::Slot;
pub(super) use steps::{Copied, FastPath, Steps};

/// So many operations after one that made a table grow, no other does if it can wait: several pages that the heap takes in one
/// operation are as many operations of a tracker of pages.
const GROWTH_PAUSE: u64 = 3;

/// The level of a tracker for which no other is set.
const INITIAL_LEVEL: Level = Level::Blocks;

#[expect(clippy::struct_excessive_bools, reason = "each says what one part of the work asks at every step")]
#[derive(Debug)]
pub(super) struct Inner<B: Backend> {
    /// Whether [`Inner::prepare`] was called. All is zero before, so that a static lies in `.bss`.
    is_ready: bool,
    /// `Off` until there is a backend.
    pub(super) level: Level,
    /// The level at the start, as [`INITIAL_LEVEL`] apart from which it is.
    level_at_start: u8,
    /// Whether no events are written at level `full`.
    is_history_off: bool,
    /// Whether allocations and frees are counted. At level `off`, only if the backend says that it knows what is live,
    /// and then does not.
    is_counting: bool,
    /// Whether the platform decides for each allocation if it is to fail.
    pub(super) is_injecting_faults: bool,
    /// Whether the operation under way has had an expensive step, so that no table is to be split if that can wait.
    pub(super) defers_growth: bool,
    /// The number of the last operation that made a table grow.
    grown_at: u64,
    pub(super) allocation_path: FastPath,
    /// The path of an allocation that is not sampled.
    pub(super) unsampled_path: FastPath,
    pub(super) free_path: FastPath,
    /// What the fast path of an allocation does.
    pub(super) allocation_steps: Steps,
    /// What the fast path of a free does.
    pub(super) free_steps: Steps,
    /// `None` until [`Tracked::start`](super::Tracked::start).
    pub(super) backend: Slot<B>,
    pub(super) tallies: Tallies,
    pub(super) sequence: u64,
    pub(super) live: LiveMap,
    pub(super) depot: Depot,
    pub(super) history: History,
    /// The last frees at levels with stacks and without guards.
    pub(super) recent_frees: RecentFrees,
    pub(super) arena: Arena,
    pub(super) since: Since,
    /// The sequence number since which call stacks have been recorded without a break.
    stacks_since_sequence: u64,
    /// The sequence number since which the history has been written without a break.
    history_since_sequence: u64,
    pub(super) guards: Guards,
    /// Whether new blocks get guards, or frees are remembered.
    pub(super) is_guarding: bool,
    /// Whether some of the new blocks are sampled.
    pub(super) is_sampling: bool,
    pub(super) scanner: Scanner,
    /// Where lanes meet.
    pub(super) lanes: Common,
}

/// Findings must be reported before more can be evicted from the quarantine.
#[derive(Clone, Copy, Debug)]
pub(super) struct FindingsPending;

/// The caller of an operation: what a walk of its call stack needs.
#[derive(Debug)]
pub(super) struct Caller<'a, P> {
    pub(super) frame_pointer: usize,
    pub(super) platform: &'a P,
}

impl<P: Platform> Caller<'_, P> {
    /// The stack that the caller's frame lies in.
    pub(super) fn stack(&self) -> Option<StackSpan> {
        let fast = self.platform.stack_fast(self.frame_pointer);
        fast.or_else(|| self.platform.stack(self.frame_pointer))
    }

    /// The innermost return addresses outside of the allocator.
    pub(super) fn innermost_outside(&self) -> [usize; CALLERS] {
        self.innermost(|address| self.platform.is_allocator_code(address))
    }

    /// The innermost return addresses, without the leading ones for which `is_left_out` is true.
    #[inline]
    fn innermost(&self, is_left_out: impl Fn(usize) -> bool) -> [usize; CALLERS] {
        self.stack().map_or([0; CALLERS], |span| walk::innermost(&span, is_left_out))
    }
}

impl<B: Backend> Inner<B> {
    pub(super) const fn new() -> Self {
        Self::with(Slot::empty(), INITIAL_LEVEL)
    }

    pub(super) const fn with_backend(backend: B, level: Level) -> Self {
        Self::with(Slot::filled(backend), level)
    }

    const fn with(backend: Slot<B>, level: Level) -> Self {
        Self {
            is_ready: false,
            level: Level::Off,
            level_at_start: level as u8 ^ INITIAL_LEVEL as u8,
            is_history_off: false,
            is_counting: false,
            is_injecting_faults: false,
            defers_growth: false,
            grown_at: 0,
            allocation_path: FastPath::Unprepared,
            unsampled_path: FastPath::Unprepared,
            free_path: FastPath::Unprepared,
            allocation_steps: Steps::NONE,
            free_steps: Steps::NONE,
            backend,
            tallies: Tallies::ZERO,
            sequence: 0,
            live: LiveMap::new(),
            depot: Depot::new(),
            history: History::new(),
            recent_frees: RecentFrees::new(),
            arena: Arena::new(),
            since: Since { counters: 0, blocks: 0, stacks: 0, history: 0 },
            stacks_since_sequence: 0,
            history_since_sequence: 0,
            guards: Guards::new(),
            is_guarding: false,
            is_sampling: false,
            scanner: Scanner::new(),
            lanes: Common::new(),
        }
    }

    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Writes what is not zero at the start, when the tracker is entered for the first time. `has_lanes` says whether the
    /// live map is in shards.
    pub(super) fn prepare(&mut self, has_lanes: bool) {
        self.is_ready = true;
        self.live.prepare(has_lanes);
        self.depot.prepare(has_lanes);
        self.history.prepare();
        self.arena.prepare();
        self.guards.freed.prepare();
        self.guards.pool.prepare();
        if !self.backend.is_none() {
            self.level = self.level_at_start();
        }
        self.choose_steps();
    }

    fn level_at_start(&self) -> Level {
        let number = usize::from(self.level_at_start ^ INITIAL_LEVEL as u8);
        Level::ALL.get(number).copied().unwrap_or(INITIAL_LEVEL)
    }

    fn set_level_at_start(&mut self, level: Level) {
        self.level_at_start = level as u8 ^ INITIAL_LEVEL as u8;
    }

    /// Puts the backend in place, if there is none yet.
    pub(super) fn start(&mut self, backend: B) {
        if self.backend.is_none() {
            // Blocks that are live already become part of `uncounted_blocks`.
            if let Some(live) = backend.live() {
                self.tallies.set_live(live);
            }
            self.backend.fill(backend);
            self.level = self.level_at_start();
            self.choose_steps();
        }
    }

    /// Counts and records a new block as the level requires. A block with guards must have a record: if there is no
    /// room for one, this returns false, and the block is not counted. `stack` is the caller's, if it was found already.
    pub(super) fn account<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        taken_bytes: usize,
        layout: Layout,
        guarding: Guarding,
        stack: Option<NonNull<Stack>>,
        caller: &Caller<'_, P>,
    ) -> bool {
        let cpu = caller.platform.cpu();
        if self.level >= Level::Blocks {
            match self.record(block, layout, guarding, stack, caller) {
                Some(record) if guarding != Guarding::None => self.write_guards(&record),
                None if guarding != Guarding::None => return false,
                None => self.account_unrecorded::<P>(address_of(block), cpu),
                _ => {}
            }
        }
        if self.is_counting {
            self.tallies.count_allocation(cpu, layout.size(), taken_bytes);
        } else if !B::KNOWS_LIVE {
            self.tallies.add_uncounted(taken_bytes);
        }
        true
    }

    /// Counts a new block for whose record there was no room. Its free will not be noted, so an older free of the same
    /// address must be forgotten, or a report would show that one instead.
    #[cold]
    #[inline(never)]
    fn account_unrecorded<P: Platform>(&mut self, address: usize, cpu: u8) {
        self.tallies.cpu_mut(cpu).untracked += 1;
        self.recent_frees.forget(address);
        if P::LANES > 1 {
            self.lanes.forget_free(address);
        }
        self.guards.freed.forget(address);
    }

    /// Enters a new block in the live map, its stack's totals and the history; `None` if there is no room for its
    /// record.
    #[inline]
    fn record<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        layout: Layout,
        guarding: Guarding,
        stack: Option<NonNull<Stack>>,
        caller: &Caller<'_, P>,
    ) -> Option<Record> {
        let platform = caller.platform;
        let stack = if let Some(mut known) = stack {
            // SAFETY: stacks stay where they are, and nothing else refers to this one now.
            Some(unsafe { known.as_mut() })
        } else if self.level >= Level::Stacks {
            let span = caller.stack();
            span.and_then(|span| self.depot.capture::<MAX_FRAMES>(&span, &mut self.arena, platform))
        } else {
            None
        };
        self.sequence += 1;
        let origin = Origin::now(self.sequence, stack.as_ref().map_or(0, |stack| stack.number()), platform);
        let record = Record::new(block, layout, &origin).with_guarding(guarding);
        let follows_growth = self.sequence - self.grown_at <= GROWTH_PAUSE;
        if !(self.defers_growth || follows_growth)
            && self.live.make_slack(record.address(), &mut self.arena, platform)
        {
            self.grown_at = self.sequence;
        }
        let is_entered = self.live.insert_deferring_growth(record, &mut self.arena, platform).is_ok();
        if is_entered {
            self.tallies.add_recorded_bytes(layout.size());
            if let Some(stack) = stack {
                stack.add(layout.size());
            }
        }
        if self.keeps_history() && (is_entered || guarding == Guarding::None) {
            self.history.write(Event::of_block(EventKind::Allocate, &record), &mut self.arena, platform);
        }
        is_entered.then_some(record)
    }

    /// Counts the free of a recorded block, also in its stack's totals and in the history.
    #[inline]
    pub(super) fn count_free_of<P: Platform>(&mut self, record: &Record, taken_bytes: usize, platform: &P) {
        self.tallies.subtract_recorded_bytes(record.size_bytes());
        if P::LANES > 1 {
            self.lanes.settle(record.stack(), &mut self.depot);
        }
        if let Some(stack) = self.depot.get_mut(record.stack()) {
            stack.subtract(record.size_bytes());
        }
        if self.is_counting {
            self.tallies.count_free(platform.cpu(), taken_bytes);
            if self.keeps_history() {
                self.sequence += 1;
                let origin = Origin::now(self.sequence, record.stack(), platform);
                let event = Event::of_free(record, &origin);
                self.history.write(event, &mut self.arena, platform);
            }
        } else if !B::KNOWS_LIVE {
            self.tallies.subtract_uncounted(taken_bytes);
        }
    }

    /// The sequence number of the last free; 0 if no event was written for it.
    fn free_sequence(&self) -> u64 {
        if self.keeps_history() { self.sequence } else { 0 }
    }

    /// Gives a block to the backend, off the fast paths.
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate`].
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn give_to_backend(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: upheld by the caller.
        self.backend.as_mut().map_or(0, |backend| unsafe { backend.deallocate(block, layout) })
    }

    /// The number of the caller's stack; 0 if there is none.
    fn capture<P: Platform>(&mut self, caller: &Caller<'_, P>) -> u16 {
        self.capture_up_to::<P, MAX_FRAMES>(caller)
    }

    /// The number of the caller's stack, cut to [`MAX_FREE_FRAMES`]; 0 below level `stacks`.
    fn capture_free<P: Platform>(&mut self, caller: &Caller<'_, P>) -> u16 {
        if self.level >= Level::Stacks { self.capture_up_to::<P, MAX_FREE_FRAMES>(caller) } else { 0 }
    }

    fn capture_up_to<P: Platform, const MAX: usize>(&mut self, caller: &Caller<'_, P>) -> u16 {
        let span = caller.stack();
        let stack = span.and_then(|span| self.depot.capture::<MAX>(&span, &mut self.arena, caller.platform));
        stack.map_or(0, |stack| stack.number())
    }

    /// Writes an event to the history, if there is one. If `stack` is `None`, it gets the caller's stack.
    #[inline(never)]
    fn note<P: Platform>(
        &mut self,
        kind: EventKind,
        address: usize,
        size_bytes: usize,
        stack: Option<u16>,
        caller: &Caller<'_, P>,
    ) {
        if !self.keeps_history() {
            return;
        }
        let platform = caller.platform;
        let stack = stack.unwrap_or_else(|| self.capture(caller));
        self.sequence += 1;
        let origin = Origin::now(self.sequence, stack, platform);
        let event = Event::new(kind, address, size_bytes, &origin);
        self.history.write(event, &mut self.arena, platform);
    }

    /// Counts a bad free, and completes its report with the stack of the first free, if that is remembered.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse<P: Platform>(&mut self, mut bad: BadFree, caller: &Caller<'_, P>) -> BadFree {
        if let Some(free) = bad.free.as_mut().filter(|free| free.stack() == 0)
            && let Some(recent) = self.recent_free::<P>(bad.address).copied()
        {
            let stack = self.depot.number_of(&recent.callers(), &mut self.arena, caller.platform);
            free.set_size_and_stack(free.size_bytes(), stack);
            bad.is_free_stack_cut = stack != 0;
        }
        self.tallies.cpu_mut(caller.platform.cpu()).bad_frees += 1;
        self.guards.count_bad_free(bad.kind);
        self.note(EventKind::BadFree, bad.address, 0, None, caller);
        bad
    }

    /// Counts an allocation that failed.
    #[cold]
    #[inline(never)]
    pub(super) fn fail<P: Platform>(&mut self, size_bytes: usize, caller: &Caller<'_, P>) {
        self.tallies.cpu_mut(caller.platform.cpu()).failures += 1;
        self.note(EventKind::Fail, 0, size_bytes, None, caller);
    }
}

#[inline]
pub(super) fn address_of(block: NonNull<u8>) -> usize {
    block.as_ptr() as usize
}

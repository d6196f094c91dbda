//! What stands behind the tracker's lock: backend and records, changed together.
//! Here is the whole way of each operation; its quick part is in `quick`.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::arena::Arena;
use crate::backend::{Backend, Location};
use crate::bad_free::BadFree;
use crate::counters::{Counters, Since, Tallies};
use crate::guard::{GuardLevel, Guards, Wanted, zones};
use crate::history::{Event, EventKind, History};
use crate::level::Level;
use crate::live::LiveMap;
use crate::moment::{Held, Moment};
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::reach::Scanner;
use crate::recent_frees::{CALLERS, RecentFrees};
use crate::record::{Guarding, Origin, Record};
use crate::stacks::{Depot, walk};

mod checks;
mod guarded;
mod guarded_quick;
mod quick;
mod sampled;
mod scan;

#[expect(clippy::struct_excessive_bools, reason = "each says what one part of the work asks at every step")]
#[derive(Debug)]
pub(super) struct Inner<B> {
    /// `Off` until there is a backend.
    pub(super) level: Level,
    level_at_start: Level,
    /// Whether events are written at level `full`.
    is_history_on: bool,
    /// Whether allocations and frees are counted: at level `off` only if nobody else knows what is live.
    is_counting: bool,
    /// Whether the platform is asked if an allocation is to fail.
    may_fail_on_purpose: bool,
    /// What the fast path of an allocation has to do.
    pub(super) allocation_way: Way,
    /// What the fast path of a free has to do.
    pub(super) free_way: Way,
    /// `None` until [`Tracked::start`](super::Tracked::start).
    pub(super) backend: Option<B>,
    pub(super) tallies: Tallies,
    pub(super) sequence: u64,
    pub(super) live: LiveMap,
    pub(super) depot: Depot,
    pub(super) history: History,
    /// The last frees at levels with stacks and without guards.
    pub(super) recent_frees: RecentFrees,
    pub(super) arena: Arena,
    pub(super) since: Since,
    pub(super) guards: Guards,
    /// Whether new blocks get guards, or frees are remembered.
    pub(super) is_guarding: bool,
    /// Whether some of the new blocks go to the pool.
    pub(super) is_sampling: bool,
    /// What the fast path of an allocation has to do between two samples.
    pub(super) unsampled_way: Way,
    /// What the quick way of a guarded block has to do, where [`Way::Fully`] is the way.
    pub(super) guarded_way: GuardedWay,
    pub(super) scanner: Scanner,
    /// The same for an allocation.
    pub(super) guarded_allocation_way: GuardedWay,
}

/// What there is to do for a guarded block, at level `blocks` over a backend with quick ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuardedWay {
    /// No quick way.
    Fully,
    /// A zone behind the block.
    RedZone,
    /// Zones on both sides, patterns inside, and the block is held back.
    Full,
    /// Some blocks go to the pool; of the others the same as without it. Only for allocations.
    BetweenSamples,
}

/// What there is to do beside the backend's work. All but the last stand for a backend with quick ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Way {
    /// Nothing.
    Pass,
    /// To count.
    Count,
    /// To count and to record.
    Record,
    /// The same, with the call stack.
    RecordStack,
    /// The same, with an event for the history.
    RecordEvent,
    /// No quick way: there is no backend or it has none, or records of another level are left.
    Fully,
}

/// What the caller of a free knows of the block.
pub(super) trait Claim: Copy {
    /// Whether that is so.
    fn fits(self, record: &Record) -> bool;

    /// The layout, if it is known.
    fn layout(self) -> Option<Layout>;
}

/// Just the pointer.
#[derive(Clone, Copy, Debug)]
pub(super) struct PointerOnly;

impl Claim for PointerOnly {
    #[inline]
    fn fits(self, _record: &Record) -> bool {
        true
    }

    fn layout(self) -> Option<Layout> {
        None
    }
}

/// The layout too, and that has to be right.
impl Claim for Layout {
    #[inline]
    fn fits(self, record: &Record) -> bool {
        record.has_layout(self)
    }

    fn layout(self) -> Option<Layout> {
        Some(self)
    }
}

/// Something was found that is to be told before anything more can be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Untold;

/// How far the fast path of an allocation came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Progress {
    /// To the end.
    Done(NonNull<u8>),
    /// To a block that is not yet counted nor recorded.
    Allocated(NonNull<[u8]>),
    /// Nowhere.
    Nothing,
}

/// Where a call comes from: what is needed to walk its stack, if that is wanted.
#[derive(Debug)]
pub(super) struct Caller<'a, P> {
    pub(super) frame_pointer: usize,
    pub(super) platform: &'a P,
}

impl<B: Backend> Inner<B> {
    pub(super) const fn new() -> Self {
        Self::with(None, Level::Off)
    }

    pub(super) const fn with_backend(backend: B, level: Level) -> Self {
        Self::with(Some(backend), level)
    }

    const fn with(backend: Option<B>, level: Level) -> Self {
        Self {
            level,
            level_at_start: Level::Blocks,
            is_history_on: true,
            is_counting: backend.is_some(),
            may_fail_on_purpose: false,
            allocation_way: Way::Fully,
            free_way: Way::Fully,
            backend,
            tallies: Tallies::ZERO,
            sequence: 0,
            live: LiveMap::new(),
            depot: Depot::new(),
            history: History::new(),
            recent_frees: RecentFrees::new(),
            arena: Arena::new(),
            since: Since { counters: 0, blocks: 0, stacks: 0, history: 0 },
            guards: Guards::new(),
            is_guarding: false,
            is_sampling: false,
            unsampled_way: Way::Fully,
            guarded_way: GuardedWay::Fully,
            scanner: Scanner::new(),
            guarded_allocation_way: GuardedWay::Fully,
        }
    }

    /// Puts the backend in place, if there is none yet.
    pub(super) fn start(&mut self, backend: B) {
        if self.backend.is_none() {
            // Blocks that are live already count as such that nobody counted.
            if let Some(live) = backend.live() {
                self.tallies.set_live(live);
            }
            self.backend = Some(backend);
            self.level = self.level_at_start;
            self.choose_ways();
        }
    }

    /// Allocates, at any level. An error says that blocks which are held back could make room, once what was found is
    /// told.
    pub(super) fn allocate<P: Platform>(
        &mut self,
        layout: Layout,
        caller: &Caller<'_, P>,
    ) -> Result<Option<NonNull<u8>>, Untold> {
        if self.may_fail_on_purpose && caller.platform.should_fail(layout.size(), caller.frame_pointer) {
            self.fail(layout.size(), caller);
            return Ok(None);
        }
        if self.is_sampling
            && self.guards.pool.take_turn()
            && let Some(block) = self.allocate_sampled(layout, caller)
        {
            return Ok(Some(block));
        }
        let mut wanted = Wanted::plain(layout);
        if self.is_guarding {
            wanted = self.guards.wanted(layout);
        }
        loop {
            let own = self.backend.as_mut().and_then(|backend| backend.allocate(wanted.layout));
            let Some(own) = own else {
                if let Some(other) = self.make_memory(wanted, layout, caller.platform)? {
                    wanted = other;
                    continue;
                }
                self.fail(layout.size(), caller);
                return Ok(None);
            };
            // SAFETY: the backend's block has the zone before the caller's, and more.
            let block = unsafe { own.cast::<u8>().add(wanted.front_bytes) };
            if self.account(block, own.len(), layout, wanted.guarding, caller) {
                return Ok(Some(block));
            }
            // SAFETY: allocated just now with this layout, and nobody knows it.
            unsafe { self.give_to_backend(own.cast(), wanted.layout) };
            wanted = Wanted::plain(layout);
        }
    }

    /// Counts and records a new block as the level says. A block with guards must have a record: false if there is no
    /// room for it, and nothing has changed then.
    pub(super) fn account<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        taken_bytes: usize,
        layout: Layout,
        guarding: Guarding,
        caller: &Caller<'_, P>,
    ) -> bool {
        let cpu = caller.platform.cpu();
        if self.level >= Level::Blocks {
            match self.record(block, layout, guarding, caller) {
                Some(record) if guarding != Guarding::None => self.write_guards(&record),
                None if guarding != Guarding::None => return false,
                None => self.tallies.cpu_mut(cpu).untracked += 1,
                _ => {}
            }
        }
        if self.is_counting {
            self.tallies.count_allocation(cpu, layout.size(), taken_bytes);
        }
        true
    }

    /// Enters a new block in the live map, and in what lies above it; `None` if there is no room for its record.
    #[inline]
    fn record<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        layout: Layout,
        guarding: Guarding,
        caller: &Caller<'_, P>,
    ) -> Option<Record> {
        let platform = caller.platform;
        let stack = if self.level >= Level::Stacks {
            let span = platform.stack(caller.frame_pointer);
            span.and_then(|span| self.depot.capture(&span, &mut self.arena, platform))
        } else {
            None
        };
        self.sequence += 1;
        let origin = Origin::now(self.sequence, stack.as_ref().map_or(0, |stack| stack.number()), platform);
        let record = Record::new(block, layout, &origin).with_guarding(guarding);
        let is_entered = self.live.insert(record, &mut self.arena, platform).is_ok();
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

    /// Frees a block, at any level.
    pub(super) fn free<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claim: impl Claim,
        caller: &Caller<'_, P>,
    ) -> Result<(), BadFree> {
        let platform = caller.platform;
        let is_claimed = |record: &Record| claim.fits(record);
        let Some(record) = self.live.remove_if(address_of(block), is_claimed, &mut self.arena, platform)
        else {
            return self.free_unrecorded(block, claim.layout(), caller);
        };
        if self.is_guarding || record.guarding() != Guarding::None {
            self.free_guarded(&record, caller);
            return Ok(());
        }
        let Some(backend) = self.backend.as_mut() else { return Ok(()) };
        // SAFETY: the live map had the block, with the layout that it was allocated with, and has it no
        // more.
        let taken_bytes = unsafe { backend.deallocate(block, record.layout()) };
        self.count_free_of(&record, taken_bytes, platform);
        self.note_free_of(&record, caller);
        // The last record of another level is gone.
        if self.live.len() == 0 && self.level < Level::Blocks {
            self.choose_ways();
        }
        Ok(())
    }

    /// Counts the free of a block that was recorded, and says so to what lies above the records.
    #[inline]
    fn count_free_of(&mut self, record: &Record, taken_bytes: usize, platform: &impl Platform) {
        self.tallies.subtract_recorded_bytes(record.size_bytes());
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
        }
    }

    /// Remembers a free of which no guards know.
    fn note_free_of<P: Platform>(&mut self, record: &Record, caller: &Caller<'_, P>) {
        if self.level < Level::Stacks || self.is_guarding {
            return;
        }
        let span = caller.platform.stack(caller.frame_pointer);
        let callers = span.map_or([0; CALLERS], |span| walk::innermost(&span));
        self.recent_frees.note(record, &Origin::now(0, 0, caller.platform), callers);
    }

    /// Frees a block that the live map does not have with this layout: it came when none was recorded, or
    /// could not be; or the free is bad.
    #[cold]
    #[inline(never)]
    fn free_unrecorded<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claimed: Option<Layout>,
        caller: &Caller<'_, P>,
    ) -> Result<(), BadFree> {
        let address = address_of(block);
        if let Some(record) = self.live.get(address) {
            let bad = BadFree::wrong_layout(record);
            return Err(self.refuse(bad, caller));
        }
        // SAFETY: the caller gives the block up.
        let Some(taken_bytes) = (unsafe { self.give_unrecorded(block, claimed) }) else {
            return Err(self.refuse(self.bad_free(address), caller));
        };
        self.recent_frees.forget(address);
        if self.is_counting {
            self.tallies.count_free(caller.platform.cpu(), taken_bytes);
            self.note(EventKind::Free, address, taken_bytes, Some(0), caller);
        }
        Ok(())
    }

    /// Gives a block of which there is no record back to the backend; `None` if it is none.
    ///
    /// # Safety
    ///
    /// The caller gives the block up, if it is one.
    unsafe fn give_unrecorded(&mut self, block: NonNull<u8>, claimed: Option<Layout>) -> Option<usize> {
        if self.has_owner(address_of(block)) {
            return None;
        }
        let backend = self.backend.as_mut()?;
        if backend.can_locate() {
            // SAFETY: handed on to the caller; the backend itself makes sure that it is a live block.
            return unsafe { backend.deallocate_unsized(block) };
        }
        let has_unrecorded = self.has_unrecorded();
        // SAFETY: handed on to the caller. The backend can't tell, but there are such blocks, and the caller
        // knows the layout of one.
        claimed.filter(|_| has_unrecorded).map(|layout| unsafe { self.give_to_backend(block, layout) })
    }

    /// Gives a block to the backend, off the common ways.
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate`].
    #[cold]
    #[inline(never)]
    unsafe fn give_to_backend(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: handed on to the caller.
        self.backend.as_mut().map_or(0, |backend| unsafe { backend.deallocate(block, layout) })
    }

    /// Whether blocks are live of which there is no record.
    fn has_unrecorded(&mut self) -> bool {
        self.synchronise();
        self.tallies.live_blocks() > self.live.len() as u64
    }

    /// The number of the caller's stack; 0 if there is none.
    fn capture<P: Platform>(&mut self, caller: &Caller<'_, P>) -> u16 {
        let span = caller.platform.stack(caller.frame_pointer);
        let stack = span.and_then(|span| self.depot.capture(&span, &mut self.arena, caller.platform));
        stack.map_or(0, |stack| stack.number())
    }

    /// Writes an event to the history, where one is kept. Without a stack it gets the caller's.
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

    #[cold]
    #[inline(never)]
    fn refuse<P: Platform>(&mut self, mut bad: BadFree, caller: &Caller<'_, P>) -> BadFree {
        if let Some(free) = bad.free.as_mut().filter(|free| free.stack() == 0)
            && let Some(recent) = self.recent_frees.find(bad.address)
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

    /// Counts a request that was not served.
    #[cold]
    #[inline(never)]
    pub(super) fn fail<P: Platform>(&mut self, size_bytes: usize, caller: &Caller<'_, P>) {
        self.tallies.cpu_mut(caller.platform.cpu()).failures += 1;
        self.note(EventKind::Fail, 0, size_bytes, None, caller);
    }

    pub(super) fn set_level(&mut self, level: Level, stamp: u64) {
        if self.backend.is_none() {
            self.level_at_start = level;
            return;
        }
        self.synchronise();
        if self.level == Level::Off {
            self.tallies.raise_peak();
        }
        let is_switched_on = |part: Level| self.level < part && level >= part;
        let since = &mut self.since;
        for (part, stands) in [
            (Level::Counters, &mut since.counters),
            (Level::Blocks, &mut since.blocks),
            (Level::Stacks, &mut since.stacks),
            (Level::Full, &mut since.history),
        ] {
            if is_switched_on(part) {
                *stands = stamp;
            }
        }
        self.level = level;
        self.choose_ways();
    }

    /// Whether events are written.
    pub(super) fn keeps_history(&self) -> bool {
        self.level == Level::Full && self.is_history_on
    }

    /// Writes events at level `full`, or writes none there.
    pub(super) fn set_history(&mut self, is_on: bool, stamp: u64) {
        if is_on && !self.is_history_on {
            self.since.history = stamp;
        }
        self.is_history_on = is_on;
        self.choose_ways();
    }

    pub(super) fn fail_on_purpose(&mut self, is_asked: bool) {
        self.may_fail_on_purpose = is_asked;
        self.choose_ways();
    }

    pub(super) fn choose_ways(&mut self) {
        self.is_guarding = self.level >= Level::Blocks && self.guards.level > GuardLevel::Off;
        if self.is_guarding || self.level < Level::Stacks {
            self.recent_frees.clear();
        }
        let is_guarded = self.is_guarding || self.guards.statistics.guarded_blocks > 0;
        let is_quick = !self.may_fail_on_purpose && self.backend.as_ref().is_some_and(Backend::is_quick);
        let is_known = self.backend.as_ref().is_none_or(|backend| backend.live().is_some());
        self.is_counting = self.level != Level::Off || !is_known;
        self.guarded_way = match self.guards.level {
            GuardLevel::RedZone if is_quick && self.level == Level::Blocks => GuardedWay::RedZone,
            GuardLevel::Full if is_quick && self.level == Level::Blocks => GuardedWay::Full,
            _ => GuardedWay::Fully,
        };
        self.is_sampling =
            self.level >= Level::Blocks && self.guards.pool.interval() > 0 && self.guards.pool.slots() > 0;
        self.unsampled_way = match self.level {
            _ if !is_quick || self.is_guarding => Way::Fully,
            Level::Off if !self.is_counting => Way::Pass,
            Level::Off | Level::Counters => Way::Count,
            Level::Blocks => Way::Record,
            Level::Full if self.is_history_on => Way::RecordEvent,
            Level::Stacks | Level::Full => Way::RecordStack,
        };
        (self.allocation_way, self.guarded_allocation_way) = if self.is_sampling {
            (Way::Fully, GuardedWay::BetweenSamples)
        } else {
            (self.unsampled_way, self.guarded_way)
        };
        // Blocks of the pool are none that a backend's quick way takes.
        self.free_way = match self.unsampled_way {
            _ if is_guarded => Way::Fully,
            Way::Pass | Way::Count if self.live.len() != 0 => Way::Fully,
            way => way,
        };
    }

    /// Brings the live values up to date. While nothing is counted the backend knows them.
    pub(super) fn synchronise(&mut self) {
        if self.level == Level::Off
            && let Some(mut live) = self.backend.as_ref().and_then(Backend::live)
        {
            // What is held back is not live any more.
            live.blocks -= self.guards.freed.held_blocks() as u64;
            live.bytes -= self.guards.freed.held_bytes() as u64;
            // What is sampled is not the backend's.
            live.blocks += self.guards.pool.live() as u64;
            live.bytes += (self.guards.pool.live() * PAGE_SIZE_BYTES) as u64;
            self.tallies.set_live(live);
        }
    }

    /// The counters of this moment.
    pub(super) fn counters(&mut self) -> Counters {
        self.synchronise();
        self.tallies.counters(self.live.len() as u64)
    }

    /// This moment, whose stamp is `stamp`.
    pub(super) fn moment(&mut self, stamp: u64) -> Moment {
        let counters = self.counters();
        Moment {
            sequence: self.sequence,
            stamp,
            level: self.level,
            stacks_since: self.since.stacks,
            recorded: Held { bytes: counters.live_bytes, blocks: counters.recorded_blocks() },
            unrecorded_blocks: counters.live_untracked,
            stack_count: self.depot.len() as u16,
        }
    }

    /// The layout of a live block that is not recorded, as far as the backend knows it.
    pub(super) fn unrecorded_layout(&self, address: usize) -> Option<Layout> {
        if self.has_owner(address) {
            return None;
        }
        match self.backend.as_ref()?.locate(address) {
            Location::Live { start, layout } if start == address => Some(layout),
            _ => None,
        }
    }

    pub(super) fn layout_of<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claim: impl Claim,
        caller: &Caller<'_, P>,
    ) -> Result<Layout, BadFree> {
        let address = address_of(block);
        if let Some(record) = self.live.get(address) {
            if claim.fits(record) {
                return Ok(record.layout());
            }
            let bad = BadFree::wrong_layout(record);
            return Err(self.refuse(bad, caller));
        }
        if self.has_owner(address) {
            return Err(self.refuse(self.bad_free(address), caller));
        }
        let can_locate = self.backend.as_ref().is_some_and(Backend::can_locate);
        let unrecorded = if can_locate {
            // A backend that does not know the block's own layout names one to give it back with; the caller's is
            // better.
            self.unrecorded_layout(address).map(|layout| claim.layout().unwrap_or(layout))
        } else {
            let has_unrecorded = self.has_unrecorded();
            claim.layout().filter(|_| has_unrecorded)
        };
        unrecorded.ok_or_else(|| self.refuse(self.bad_free(address), caller))
    }

    /// Changes just the record if the backend would use the same memory for the new size anyway.
    pub(super) fn resize_in_place<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
        caller: &Caller<'_, P>,
    ) -> bool {
        let Ok(new) = Layout::from_size_align(new_size_bytes, old.align()) else { return false };
        let address = address_of(block);
        let guarding = self.live.get(address).map_or(Guarding::None, Record::guarding);
        // A sampled block lies at a page's edge, and so it shall.
        if guarding == Guarding::Sampled && old.size() != new_size_bytes {
            return false;
        }
        let fits = self.backend.as_ref().is_some_and(|backend| {
            let usable =
                |layout| zones::backend_layout(guarding, layout).map(|own| backend.usable_size_bytes(own));
            usable(new) == usable(old)
        });
        if !fits {
            return false;
        }
        self.check_zones_at(address);
        let mut stacks = (0, 0);
        if let Some(old_stack) = self.live.get(address).map(Record::stack) {
            // Where it moves, the block is charged to the stack that asked for the new size; so it is here.
            let new_stack = if self.level >= Level::Stacks { self.capture(caller) } else { old_stack };
            stacks = (old_stack, new_stack);
            if let Some(record) = self.live.get_mut(address) {
                record.set_size_and_stack(new_size_bytes, new_stack);
                // SAFETY: the backend's block is as long as one for the new size.
                unsafe { zones::write(record) };
            }
            self.tallies.subtract_recorded_bytes(old.size());
            self.tallies.add_recorded_bytes(new_size_bytes);
            if let Some(stack) = self.depot.get_mut(old_stack) {
                stack.subtract(old.size());
            }
            if let Some(stack) = self.depot.get_mut(new_stack) {
                stack.take_over(new_size_bytes);
            }
        }
        self.count_reallocation(caller.platform);
        self.note(EventKind::ReallocateFrom, address, old.size(), Some(stacks.0), caller);
        self.note(EventKind::Reallocate, address, new_size_bytes, Some(stacks.1), caller);
        true
    }

    pub(super) fn count_reallocation(&mut self, platform: &impl Platform) {
        if self.is_counting {
            self.tallies.cpu_mut(platform.cpu()).reallocations += 1;
        }
    }
}

#[inline]
fn address_of(block: NonNull<u8>) -> usize {
    block.as_ptr() as usize
}

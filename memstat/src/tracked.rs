//! An allocator with a tracker around it.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, copy_nonoverlapping, null_mut, write_bytes};

use crate::arena::{Arena, ArenaStatistics};
use crate::backend::{Backend, Location};
use crate::counters::{Counters, Histogram, Since};
use crate::history::{Event, EventKind, History, HistoryPart};
use crate::level::Level;
use crate::live::LiveMap;
use crate::lock::{Guard, Lock};
use crate::platform::Platform;
use crate::record::{Origin, Record};
use crate::stacks::{Depot, Stack};

/// A backend whose every block is accounted for.
///
/// One lock, with interrupts masked, stands around backend and tracker together: their figures change
/// together. Nothing is logged or formatted under it, so it is safe in interrupt handlers.
#[derive(Debug)]
pub struct Tracked<B, P> {
    platform: P,
    inner: Lock<Inner<B>>,
}

#[derive(Debug)]
struct Inner<B> {
    level: Level,
    /// `None` until [`Tracked::start`].
    backend: Option<B>,
    counters: Counters,
    histogram: Histogram,
    sequence: u64,
    live: LiveMap,
    depot: Depot,
    history: History,
    arena: Arena,
    since: Since,
}

/// A free or reallocation of something that is no live block. It did no harm: the backend never saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFree {
    /// The address that was to be freed.
    pub address: usize,
    /// What is wrong with it.
    pub kind: BadFreeKind,
}

/// What is wrong with a pointer that was to be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFreeKind {
    /// The block that starts there is free already.
    DoubleFree,
    /// The address lies inside a live block.
    Interior {
        /// The start of that block.
        start: usize,
    },
    /// The block is live, but was allocated with another layout.
    WrongLayout {
        /// Bytes that were asked for when it was allocated.
        size_bytes: usize,
        /// The alignment that was asked for then.
        align_bytes: usize,
    },
    /// No block that is live starts there, and none that the backend remembers.
    NeverAllocated,
}

impl core::fmt::Display for BadFree {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let address = self.address;
        match self.kind {
            BadFreeKind::DoubleFree => write!(out, "double free of {address:#x}"),
            BadFreeKind::Interior { start } => {
                write!(
                    out,
                    "free of {address:#x}, {} bytes inside the live block {start:#x}",
                    address - start
                )
            }
            BadFreeKind::WrongLayout { size_bytes, align_bytes } => write!(
                out,
                "free of {address:#x} with a wrong layout: it was allocated with {size_bytes} bytes, aligned to \
                 {align_bytes}"
            ),
            BadFreeKind::NeverAllocated => write!(out, "free of {address:#x}, which is no live block"),
        }
    }
}

/// What a free goes by.
#[derive(Clone, Copy, Debug)]
enum Claim {
    /// The caller knows the layout and has to be right.
    Layout(Layout),
    /// The caller has just the pointer.
    PointerOnly,
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// A tracker without a backend: every allocation fails until [`Tracked::start`].
    pub const fn new(platform: P) -> Self {
        let inner = Inner {
            level: Level::Blocks,
            backend: None,
            counters: Counters::ZERO,
            histogram: Histogram::EMPTY,
            sequence: 0,
            live: LiveMap::new(),
            depot: Depot::new(),
            history: History::new(),
            arena: Arena::new(),
            since: Since { counters: 0, blocks: 0, stacks: 0, history: 0 },
        };
        Self { platform, inner: Lock::new(inner) }
    }

    /// Gives the arena its first memory. To be called before [`Tracked::start`].
    ///
    /// # Safety
    ///
    /// As for [`Arena::add_first_pages`].
    pub unsafe fn add_first_pages(&self, start: NonNull<u8>, size_bytes: usize) {
        // SAFETY: handed on to the caller.
        unsafe { self.enter().arena.add_first_pages(start, size_bytes) };
    }

    /// Caps the arena.
    pub fn set_arena_limit_bytes(&self, limit_bytes: usize) {
        self.enter().arena.set_limit_bytes(limit_bytes);
    }

    /// Puts the backend in place. A second call is ignored: blocks of the first may be live.
    pub fn start(&self, backend: B) {
        let mut inner = self.enter();
        if inner.backend.is_none() {
            inner.backend = Some(backend);
        }
    }

    /// Records more or less from now on. Blocks that are live stay in the live map until they are freed, at
    /// whatever level that is; so a switch leaves no ghosts, and no count goes below zero.
    pub fn set_level(&self, level: Level) {
        let stamp = self.platform.stamp();
        self.enter().set_level(level, stamp);
    }

    /// How much is recorded.
    pub fn level(&self) -> Level {
        self.enter().level
    }

    /// Since when each kind of figure counts.
    pub fn since(&self) -> Since {
        self.enter().since
    }

    /// Sets how many events the history keeps, and forgets those that it has.
    pub fn set_history_capacity(&self, events: usize) {
        let inner = &mut *self.enter();
        inner.history.set_capacity(events, &mut inner.arena, &self.platform);
    }

    /// Forgets the history, and gives its memory back.
    pub fn clear_history(&self) {
        let inner = &mut *self.enter();
        inner.history.clear(&mut inner.arena, &self.platform);
    }

    /// Copies events into `buffer`, from the event number `cursor` on (0 is the first ever).
    pub fn read_history(&self, cursor: u64, buffer: &mut [Event]) -> HistoryPart {
        self.enter().history.read(cursor, buffer)
    }

    /// Events that were ever written: the number of the next one.
    pub fn history_end(&self) -> u64 {
        self.enter().history.written()
    }

    /// The call stack of a number, with what is live under it.
    pub fn stack(&self, number: u32) -> Option<Stack> {
        self.enter().depot.get(number).copied()
    }

    /// How many call stacks are known; their numbers start at 1.
    pub fn stack_count(&self) -> u32 {
        self.enter().depot.len() as u32
    }

    /// Allocations by size.
    pub fn histogram(&self) -> Histogram {
        self.enter().histogram
    }

    /// A number that all blocks allocated from now on exceed: those live with a higher one came since.
    pub fn mark(&self) -> u64 {
        self.enter().sequence
    }

    /// Starts the peaks anew, from what is live now.
    pub fn reset_peaks(&self) {
        let mut inner = self.enter();
        inner.counters.peak_live_blocks = inner.counters.live_blocks;
        inner.counters.peak_live_bytes = inner.counters.live_bytes;
    }

    /// Allocates a block. `None` when the backend has none; that is counted as a failure.
    #[inline]
    pub fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.enter().allocate(layout, &self.platform)
    }

    /// Frees the block at `block`, of which only the pointer is known.
    ///
    /// # Errors
    ///
    /// [`BadFree`] when no live block starts there; nothing has changed then but a counter.
    ///
    /// # Safety
    ///
    /// If a live block starts at `block`, nobody uses it any more.
    #[inline]
    pub unsafe fn free(&self, block: NonNull<u8>) -> Result<(), BadFree> {
        self.enter().free(block, Claim::PointerOnly, &self.platform)
    }

    /// Frees the block at `block`, which was allocated with `layout`.
    ///
    /// # Errors
    ///
    /// As for [`Tracked::free`], and when the block was allocated with another layout.
    ///
    /// # Safety
    ///
    /// As for [`Tracked::free`].
    #[inline]
    pub unsafe fn free_with_layout(&self, block: NonNull<u8>, layout: Layout) -> Result<(), BadFree> {
        self.enter().free(block, Claim::Layout(layout), &self.platform)
    }

    /// Gives the block a new size, in place or by a move; its contents stay up to the smaller size.
    /// `Ok(None)` when there is no memory: the block is as before then.
    ///
    /// # Errors
    ///
    /// [`BadFree`] when no live block starts at `block`.
    ///
    /// # Safety
    ///
    /// If a live block starts at `block`, it is the caller's, and is not used after a move.
    pub unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        // SAFETY: handed on to the caller.
        unsafe { self.reallocate_claimed(block, Claim::PointerOnly, new_size_bytes) }
    }

    /// As [`Tracked::reallocate`], for a block that was allocated with `layout`: so its alignment is kept
    /// even if it is not recorded.
    ///
    /// # Errors
    ///
    /// As for [`Tracked::reallocate`].
    ///
    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    pub unsafe fn reallocate_with_layout(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        // SAFETY: handed on to the caller.
        unsafe { self.reallocate_claimed(block, Claim::Layout(layout), new_size_bytes) }
    }

    /// # Safety
    ///
    /// As for [`Tracked::reallocate`].
    unsafe fn reallocate_claimed(
        &self,
        block: NonNull<u8>,
        claim: Claim,
        new_size_bytes: usize,
    ) -> Result<Option<NonNull<u8>>, BadFree> {
        let old_layout = {
            let mut inner = self.enter();
            let layout = inner.layout_of(block, claim, &self.platform)?;
            if inner.resize_in_place(block, layout, new_size_bytes, &self.platform) {
                return Ok(Some(block));
            }
            layout
        };
        let Ok(new_layout) = Layout::from_size_align(new_size_bytes, old_layout.align()) else {
            self.enter().count_failure(new_size_bytes, &self.platform);
            return Ok(None);
        };
        let Some(moved) = self.allocate(new_layout) else { return Ok(None) };
        // SAFETY: both blocks are live, different, and at least that long; the caller owns the old one.
        unsafe {
            copy_nonoverlapping(block.as_ptr(), moved.as_ptr(), old_layout.size().min(new_size_bytes));
            self.free(block)?;
        }
        let mut inner = self.enter();
        if inner.level >= Level::Counters {
            inner.counters.reallocations += 1;
        }
        drop(inner);
        Ok(Some(moved))
    }

    /// Bytes that the live block at `block` may use, rounding by the backend included.
    ///
    /// # Errors
    ///
    /// [`BadFree`] when no live block starts there; that is not counted.
    pub fn usable_size_bytes(&self, block: NonNull<u8>) -> Result<usize, BadFree> {
        let inner = self.enter();
        let address = block.as_ptr() as usize;
        let layout = match inner.live.get(address) {
            Some(record) => Some(record.layout()),
            None => inner.unrecorded_layout(address),
        };
        let usable = layout.zip(inner.backend.as_ref()).map(|(layout, heap)| heap.usable_size_bytes(layout));
        usable.ok_or_else(|| inner.bad_free(address))
    }

    /// The counters of one moment.
    pub fn counters(&self) -> Counters {
        let mut inner = self.enter();
        inner.synchronise();
        inner.counters
    }

    /// What the arena holds.
    pub fn arena_statistics(&self) -> ArenaStatistics {
        self.enter().arena.statistics()
    }

    /// Entries in the live map; equal to the counters' recorded blocks at every moment.
    pub fn record_count(&self) -> usize {
        self.enter().live.len()
    }

    /// The record of the live block at `address`.
    pub fn record(&self, address: usize) -> Option<Record> {
        self.enter().live.get(address).copied()
    }

    /// Copies records into `buffer`, from the place `cursor` on (0 is the first), and says how many and
    /// where to go on; `None` at the end. A block that is live from the first step to the last appears
    /// exactly once. The work of one step is bounded.
    pub fn read_records(&self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        self.enter().live.read(cursor, buffer)
    }

    /// Reads something off the backend, under the lock: `look` must neither allocate nor log.
    pub fn with_backend<R>(&self, look: impl FnOnce(&B) -> R) -> Option<R> {
        self.enter().backend.as_ref().map(look)
    }

    /// The surroundings that were handed to [`Tracked::new`].
    pub fn platform(&self) -> &P {
        &self.platform
    }

    #[inline]
    fn enter(&self) -> Guard<'_, Inner<B>, P> {
        self.inner.enter(&self.platform)
    }
}

impl<B: Backend> Inner<B> {
    #[inline]
    fn allocate(&mut self, layout: Layout, platform: &impl Platform) -> Option<NonNull<u8>> {
        let backend = self.backend.as_mut();
        let Some((block, backend)) = backend.and_then(|heap| Some((heap.allocate(layout)?, heap))) else {
            self.count_failure(layout.size(), platform);
            return None;
        };
        if self.level == Level::Off {
            return Some(block);
        }
        self.counters.count_allocation(layout.size(), backend.usable_size_bytes(layout));
        self.histogram.add(layout.size());
        if self.level >= Level::Blocks {
            self.record(block, layout, platform);
        }
        Some(block)
    }

    /// Enters a new block in the live map, and in what lies above it.
    #[inline]
    fn record(&mut self, block: NonNull<u8>, layout: Layout, platform: &impl Platform) {
        let stack = self.capture(platform);
        let origin = self.origin(stack, platform);
        let address = block.as_ptr() as usize;
        let record = Record::new(block, layout, &origin);
        if self.live.insert(address, record, &mut self.arena, platform).is_ok() {
            self.counters.add_recorded_bytes(layout.size());
            self.depot.add(stack, layout.size());
        } else {
            self.counters.untracked += 1;
        }
        if self.level == Level::Full {
            let event = Event::new(EventKind::Allocate, address, layout.size(), &origin);
            self.history.write(event, &mut self.arena, platform);
        }
    }

    /// The number of the call stack that leads here, where stacks are recorded.
    #[inline]
    fn capture(&mut self, platform: &impl Platform) -> u32 {
        if self.level < Level::Stacks {
            return 0;
        }
        platform.stack().map_or(0, |span| self.depot.capture(&span, &mut self.arena, platform))
    }

    /// Numbers an event.
    #[inline]
    fn origin(&mut self, stack: u32, platform: &impl Platform) -> Origin {
        self.sequence += 1;
        Origin {
            sequence: self.sequence,
            stamp: platform.stamp(),
            cpu: platform.cpu(),
            task: platform.task(),
            stack,
        }
    }

    /// Writes an event to the history, where one is kept.
    #[inline]
    fn note(
        &mut self,
        kind: EventKind,
        address: usize,
        size_bytes: usize,
        stack: Option<u32>,
        platform: &impl Platform,
    ) {
        if self.level == Level::Full {
            let stack = stack.unwrap_or_else(|| self.capture(platform));
            let origin = self.origin(stack, platform);
            let event = Event::new(kind, address, size_bytes, &origin);
            self.history.write(event, &mut self.arena, platform);
        }
    }

    #[inline]
    fn free(&mut self, block: NonNull<u8>, claim: Claim, platform: &impl Platform) -> Result<(), BadFree> {
        if self.live.len() == 0 {
            return self.free_unrecorded(block, platform);
        }
        let address = block.as_ptr() as usize;
        if let Claim::Layout(layout) = claim
            && let Some(record) = self.live.get(address)
            && record.layout() != layout
        {
            let kind = BadFreeKind::WrongLayout {
                size_bytes: record.size_bytes(),
                align_bytes: record.align_bytes(),
            };
            return Err(self.refuse(BadFree { address, kind }, platform));
        }
        let Some(record) = self.live.remove(address, &mut self.arena, platform) else {
            return self.free_unrecorded(block, platform);
        };
        let Some(backend) = self.backend.as_mut() else { return Ok(()) };
        let layout = record.layout();
        // SAFETY: the live map had the block, with the layout that it was allocated with, and has it no
        // more.
        unsafe { backend.deallocate(block, layout) };
        self.counters.subtract_recorded_bytes(layout.size());
        self.depot.subtract(record.stack(), layout.size());
        if self.level >= Level::Counters {
            self.counters.count_free(backend.usable_size_bytes(layout));
            self.note(EventKind::Free, address, layout.size(), Some(record.stack()), platform);
        }
        Ok(())
    }

    /// Frees a block that the live map does not have: it came when none was recorded, or could not be.
    #[inline]
    fn free_unrecorded(&mut self, block: NonNull<u8>, platform: &impl Platform) -> Result<(), BadFree> {
        let address = block.as_ptr() as usize;
        let backend = self.backend.as_mut();
        // SAFETY: the caller gives the block up; the backend itself makes sure that it is one.
        let Some(taken_bytes) = backend.and_then(|heap| unsafe { heap.deallocate_unsized(block) }) else {
            return Err(self.refuse(self.bad_free(address), platform));
        };
        if self.level >= Level::Counters {
            self.counters.count_free(taken_bytes);
            self.note(EventKind::Free, address, taken_bytes, Some(0), platform);
        }
        Ok(())
    }

    #[cold]
    fn refuse(&mut self, bad: BadFree, platform: &impl Platform) -> BadFree {
        self.counters.bad_frees += 1;
        self.note(EventKind::BadFree, bad.address, 0, None, platform);
        bad
    }

    #[cold]
    fn count_failure(&mut self, size_bytes: usize, platform: &impl Platform) {
        self.counters.failures += 1;
        self.note(EventKind::Fail, 0, size_bytes, None, platform);
    }

    fn set_level(&mut self, level: Level, stamp: u64) {
        self.synchronise();
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
    }

    /// Brings the live values up to date. While nothing is counted the backend knows them.
    fn synchronise(&mut self) {
        let counters = &mut self.counters;
        if self.level == Level::Off {
            let live = self.backend.as_ref().map(Backend::live).unwrap_or_default();
            counters.live_blocks = live.blocks;
            counters.taken_bytes = live.bytes;
        }
        counters.live_untracked = counters.live_blocks - self.live.len() as u64;
        let counted = counters.allocations as i64 - counters.frees as i64;
        counters.uncounted_blocks = counters.live_blocks as i64 - counted;
    }

    /// The layout of a live block that is not recorded, as far as the backend knows it.
    fn unrecorded_layout(&self, address: usize) -> Option<Layout> {
        match self.backend.as_ref()?.locate(address) {
            Location::Live { start, layout } if start == address => Some(layout),
            _ => None,
        }
    }

    /// What is wrong with an address that is no live block.
    fn bad_free(&self, address: usize) -> BadFree {
        let location = self.backend.as_ref().map_or(Location::Unknown, |backend| backend.locate(address));
        let kind = match location {
            Location::Free { start } if start == address => BadFreeKind::DoubleFree,
            Location::Live { start, .. } if start != address => BadFreeKind::Interior { start },
            _ => BadFreeKind::NeverAllocated,
        };
        BadFree { address, kind }
    }

    fn layout_of(
        &mut self,
        block: NonNull<u8>,
        claim: Claim,
        platform: &impl Platform,
    ) -> Result<Layout, BadFree> {
        let address = block.as_ptr() as usize;
        let recorded = self.live.get(address).map(Record::layout);
        match (recorded.or_else(|| self.unrecorded_layout(address)), claim) {
            (Some(_), Claim::Layout(layout)) if recorded.is_none() => Ok(layout),
            (Some(layout), _) => Ok(layout),
            (None, _) => Err(self.refuse(self.bad_free(address), platform)),
        }
    }

    /// Changes just the record if the backend would use the same memory for the new size anyway.
    fn resize_in_place(
        &mut self,
        block: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
        platform: &impl Platform,
    ) -> bool {
        let Ok(new) = Layout::from_size_align(new_size_bytes, old.align()) else { return false };
        let Some(backend) = self.backend.as_ref() else { return false };
        if backend.usable_size_bytes(new) != backend.usable_size_bytes(old) {
            return false;
        }
        let address = block.as_ptr() as usize;
        let mut stack = 0;
        if let Some(record) = self.live.get_mut(address) {
            stack = record.stack();
            record.set_size_bytes(new_size_bytes);
            self.counters.subtract_recorded_bytes(old.size());
            self.counters.add_recorded_bytes(new_size_bytes);
            self.depot.resize(stack, old.size(), new_size_bytes);
        }
        if self.level >= Level::Counters {
            self.counters.reallocations += 1;
            self.note(EventKind::Reallocate, address, new_size_bytes, Some(stack), platform);
        }
        true
    }
}

// SAFETY: blocks come from a `Backend`, whose contract covers GlobalAlloc's; a bad free is refused.
unsafe impl<B: Backend + Send, P: Platform> GlobalAlloc for Tracked<B, P> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocate(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the caller gives the block up. A bad free is counted and has no way to be returned.
            let _ = unsafe { self.free_with_layout(block, layout) };
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = self.allocate(layout).map_or(null_mut(), NonNull::as_ptr);
        if !block.is_null() {
            // SAFETY: a fresh block of at least that size.
            unsafe { write_bytes(block, 0, layout.size()) };
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(block) = NonNull::new(block) else { return null_mut() };
        // SAFETY: the caller owns the block and gives it up if it moves.
        let moved = unsafe { self.reallocate_with_layout(block, layout, new_size) };
        moved.ok().flatten().map_or(null_mut(), NonNull::as_ptr)
    }
}

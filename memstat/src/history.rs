//! The history: the last events, in a ring of fixed size.
//!
//! The oldest events are overwritten; a reader that comes too late learns how many it missed. The totals in the counters
//! include them. Where there are lanes, each has a ring of its own, and [`merged`] reads all of them as one.

use core::alloc::Layout;
use core::ptr::null_mut;

use crate::arena::Arena;
use crate::paged_vec::{BRANCHES, Id, PagedVec};
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::record::{Origin, Record};

pub(crate) mod merged;

use merged::Ring;

/// What happened to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was allocated.
    Allocate,
    /// It was freed.
    Free,
    /// It was resized in place: the new size and the stack that asked for it. The event before has the old ones.
    Reallocate,
    /// It could not be allocated.
    Fail,
    /// Its free was refused.
    BadFree,
    /// It is about to be resized in place: its old size and stack.
    ReallocateFrom,
}

impl EventKind {
    /// The kinds in the order of their codes, which are kept in a record's alignment field.
    pub const ALL: [Self; 6] =
        [Self::Allocate, Self::Free, Self::Reallocate, Self::Fail, Self::BadFree, Self::ReallocateFrom];

    /// The kind's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allocate => "allocate",
            Self::Free => "free",
            Self::Reallocate => "reallocate",
            Self::Fail => "fail",
            Self::BadFree => "bad-free",
            Self::ReallocateFrom => "realloc-from",
        }
    }
}

/// Maximum number of events that the history can be set to keep; see
/// [`HistoryView::set_capacity`](crate::HistoryView::set_capacity).
pub const MAX_HISTORY_EVENTS: usize = PagedVec::<Event>::MAX_LEN;

/// An event: a record, with what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    record: Record,
}

impl Event {
    /// No event.
    pub const EMPTY: Self = Self { record: Record::EMPTY };

    #[inline]
    pub(crate) fn new(kind: EventKind, address: usize, size_bytes: usize, origin: &Origin) -> Self {
        // The record keeps the logarithm of the alignment, so this alignment stands for the kind's code.
        let layout = Layout::from_size_align(size_bytes.min(isize::MAX as usize >> 16), 1 << kind as usize);
        Self { record: layout.map_or(Record::EMPTY, |layout| Record::at(address, layout, origin)) }
    }

    /// An event of the recorded block, at the record's time.
    #[inline]
    pub(crate) fn of_block(kind: EventKind, record: &Record) -> Self {
        Self { record: record.with_code(kind as u64) }
    }

    /// The free of the recorded block, at the time of `origin`.
    #[inline]
    pub(crate) fn of_free(record: &Record, origin: &Origin) -> Self {
        Self { record: record.at_event(EventKind::Free as u64, origin) }
    }

    /// What happened.
    pub fn kind(&self) -> EventKind {
        let code = self.record.align_bytes().trailing_zeros() as usize;
        EventKind::ALL.get(code).copied().unwrap_or(EventKind::Allocate)
    }

    /// Address, size, sequence number, time, CPU, task and call stack of the event. The alignment has no meaning.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

/// Events in a page.
const PER_PAGE: usize = PAGE_SIZE_BYTES / size_of::<Event>();

/// The ring of the last events, in at most `LIMIT` times 512 pages.
#[derive(Debug)]
pub(crate) struct History<const LIMIT: usize = BRANCHES> {
    /// Whole pages of events, as many as the ring has grown to; those up to `filled` are written.
    events: PagedVec<Event, LIMIT>,
    capacity: usize,
    /// Where the next event goes, until `stop`: the end of its page, or of the ring.
    next: *mut Event,
    stop: *mut Event,
    /// The place in the ring that `stop` points to.
    stop_place: usize,
    /// How many places of the ring have been written, when the current page was begun.
    filled: usize,
    /// The number of events ever written, once `next` reaches `stop`.
    written_at_stop: u64,
    /// The number of events that were written before the ring was cleared.
    cleared: u64,
}

// SAFETY: the pointers lead into pages of this ring alone.
unsafe impl<const LIMIT: usize> Send for History<LIMIT> {}

impl<const LIMIT: usize> History<LIMIT> {
    /// A ring, for which the arena gives memory when the first is written.
    pub(crate) const fn new() -> Self {
        Self {
            events: PagedVec::new(),
            capacity: 0,
            next: null_mut(),
            stop: null_mut(),
            stop_place: 0,
            filled: 0,
            written_at_stop: 0,
            cleared: 0,
        }
    }

    /// Events that are kept at most.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes what is not zero at the start: it is for 65,536 events.
    pub(crate) fn prepare(&mut self) {
        self.capacity = 65_536;
    }

    pub(crate) fn set_capacity(&mut self, events: usize, arena: &mut Arena, platform: &impl Platform) {
        self.clear(arena, platform);
        self.capacity = events.min(PagedVec::<Event, LIMIT>::MAX_LEN);
    }

    /// Events that were ever written.
    pub(crate) fn written(&self) -> u64 {
        self.written_at_stop - self.unwritten() as u64
    }

    /// Events that can still be written to the current page.
    fn unwritten(&self) -> usize {
        (self.stop as usize - self.next as usize) / size_of::<Event>()
    }

    /// Forgets all events and gives their memory back.
    pub(crate) fn clear(&mut self, arena: &mut Arena, platform: &impl Platform) {
        while self.events.len() > 0 {
            self.events.pop_page(arena, platform);
        }
        self.written_at_stop = self.written();
        self.cleared = self.written_at_stop;
        (self.next, self.stop) = (null_mut(), null_mut());
        (self.stop_place, self.filled) = (0, 0);
    }

    /// Whether the current page has room for an event.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.next != self.stop
    }

    /// Whether it has room for two.
    #[inline]
    pub(crate) fn has_room_for_two(&self) -> bool {
        self.unwritten() >= 2
    }

    /// Writes an event. There must be room, as [`History::has_room`] says.
    #[inline]
    pub(crate) fn put(&mut self, event: Event) {
        debug_assert!(self.has_room());
        // SAFETY: before `stop` lies room for an event, in a page of this ring.
        unsafe {
            self.next.write(event);
            self.next = self.next.add(1);
        }
    }

    /// Writes an event. If the arena has no memory for another page, the ring stays as long as it is; without any page the
    /// event is only counted.
    #[inline]
    pub(crate) fn write(&mut self, event: Event, arena: &mut Arena, platform: &impl Platform) {
        if self.has_room() || self.turn_page(arena, platform) {
            self.put(event);
        } else {
            self.written_at_stop += 1;
        }
    }

    /// Moves to the ring's next page: a fresh one while it grows, else the first again. False if there is none.
    #[cold]
    #[inline(never)]
    fn turn_page(&mut self, arena: &mut Arena, platform: &impl Platform) -> bool {
        if self.capacity == 0 {
            return false;
        }
        self.filled = self.filled.max(self.stop_place);
        let mut place = self.stop_place;
        if place >= self.capacity {
            place = 0;
        }
        if place == self.events.len() {
            // SAFETY: events are read only up to the last one written.
            let grown = unsafe { self.events.push_page(arena, platform) };
            place = if grown.is_ok() { place } else { 0 };
        }
        let room = PER_PAGE.min(self.capacity.saturating_sub(place)).min(self.events.len());
        if room == 0 {
            return false;
        }
        self.next = self.events.slot(Id(place as u32));
        self.stop = self.next.wrapping_add(room);
        self.stop_place = place + room;
        self.written_at_stop += room as u64;
        true
    }

    /// The newest event for which `is_wanted` is true.
    pub(crate) fn find_newest(&self, is_wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        (0..self.kept()).rev().map(|number| self.nth(number)).find(|event| is_wanted(event)).copied()
    }

    /// Where the next event goes.
    fn next_place(&self) -> usize {
        self.stop_place - self.unwritten()
    }

    /// Copies events from number `cursor` on (0 is the first ever) into `buffer`.
    pub(crate) fn read(&self, cursor: u64, buffer: &mut [Event]) -> HistoryPart {
        let written = self.written();
        let oldest = written - self.kept() as u64;
        let from = cursor.max(oldest);
        let mut count = 0;
        for (slot, number) in buffer.iter_mut().zip(from..written) {
            *slot = *self.nth((number - oldest) as usize);
            count += 1;
        }
        HistoryPart { count, lost: from - cursor.min(from), next: from + count as u64 }
    }
}

impl<const LIMIT: usize> Ring for History<LIMIT> {
    fn written(&self) -> u64 {
        self.written()
    }

    fn kept(&self) -> usize {
        self.next_place().max(self.filled)
    }

    fn nth(&self, number: usize) -> &Event {
        // The newest lies before the next place, the oldest at it once the ring is full.
        self.events.get(Id(((self.next_place() + number) % self.kept()) as u32))
    }

    fn is_whole(&self) -> bool {
        self.written() - self.cleared == self.kept() as u64
    }
}

/// The result of one read of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPart {
    /// Events in the buffer.
    pub count: usize,
    /// Events that were overwritten before they could be read.
    pub lost: u64,
    /// The cursor of the next read.
    pub next: u64,
}

//! The history: the last events, in a ring of fixed size.
//!
//! Older events are overwritten; their number is known, so a reader that comes too late is told how many it
//! missed. The totals stand in the counters and are not touched.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::arena::{Arena, ArenaFull};
use crate::paged::{Id, Paged};
use crate::platform::Platform;
use crate::record::{Origin, Record};

/// What happened to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was allocated.
    Allocate,
    /// It was freed.
    Free,
    /// It got another size in place.
    Reallocate,
    /// It could not be allocated.
    Fail,
    /// Its free was refused.
    BadFree,
}

impl EventKind {
    /// The kinds in the order of their codes, which a record keeps where a block keeps its alignment.
    const ALL: [Self; 5] = [Self::Allocate, Self::Free, Self::Reallocate, Self::Fail, Self::BadFree];

    /// The kind's name, as reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allocate => "allocate",
            Self::Free => "free",
            Self::Reallocate => "reallocate",
            Self::Fail => "fail",
            Self::BadFree => "bad-free",
        }
    }
}

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
        // The code takes the alignment's place: a power of two stands for it.
        let layout = Layout::from_size_align(size_bytes.min(isize::MAX as usize >> 16), 1 << kind as usize);
        let pointer = NonNull::new(address as *mut u8);
        let record = match (pointer, layout) {
            (pointer, Ok(layout)) => Record::new(pointer.unwrap_or(NonNull::dangling()), layout, origin),
            _ => Record::EMPTY,
        };
        Self { record }
    }

    /// What happened.
    pub fn kind(&self) -> EventKind {
        let code = self.record.align_bytes().trailing_zeros() as usize;
        EventKind::ALL.get(code).copied().unwrap_or(EventKind::Allocate)
    }

    /// Block, size, number, time, CPU, task and stack. Its alignment has no meaning.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

/// The ring.
#[derive(Debug)]
pub(crate) struct History {
    events: Paged<Event>,
    capacity: usize,
    /// Where the next event goes.
    next: usize,
    /// Events that were ever written.
    written: u64,
}

impl History {
    /// A ring of 65,536 events, for which the arena gives memory when the first is written.
    pub(crate) const fn new() -> Self {
        Self { events: Paged::new(), capacity: 65_536, next: 0, written: 0 }
    }

    pub(crate) fn set_capacity(&mut self, events: usize, arena: &mut Arena, platform: &impl Platform) {
        self.clear(arena, platform);
        self.capacity = events;
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Forgets all events and gives their memory back.
    pub(crate) fn clear(&mut self, arena: &mut Arena, platform: &impl Platform) {
        while self.events.len() > 0 {
            self.events.pop(arena, platform);
        }
        self.next = 0;
    }

    /// Writes an event. While the arena gives no memory the ring stays as long as it is.
    #[inline]
    pub(crate) fn write(&mut self, event: Event, arena: &mut Arena, platform: &impl Platform) {
        self.written += 1;
        if self.next == self.events.len() && self.next < self.capacity {
            match self.events.push(event, arena, platform) {
                Ok(_) => {
                    self.next += 1;
                    return;
                }
                Err(ArenaFull) => self.next = 0,
            }
        }
        if self.next >= self.events.len() {
            self.next = 0;
        }
        if self.events.len() > 0 {
            *self.events.get_mut(Id(self.next as u32)) = event;
            self.next += 1;
        }
    }

    /// Copies events from number `cursor` on (0 is the first ever) into `buffer`.
    pub(crate) fn read(&self, cursor: u64, buffer: &mut [Event]) -> HistoryPart {
        let kept = self.events.len() as u64;
        let oldest = self.written - kept;
        let from = cursor.max(oldest);
        let mut count = 0;
        for (slot, number) in buffer.iter_mut().zip(from..self.written) {
            // The newest lies before `next`, the oldest at it once the ring is full.
            let behind_newest = self.written - 1 - number;
            let place = (self.next as u64 + kept - 1 - behind_newest) % kept;
            *slot = *self.events.get(Id(place as u32));
            count += 1;
        }
        HistoryPart { count, lost: from - cursor.min(from), next: from + count as u64 }
    }
}

/// What a step of reading the history gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPart {
    /// Events in the buffer.
    pub count: usize,
    /// Events that were overwritten before they could be read.
    pub lost: u64,
    /// Where to go on.
    pub next: u64,
}

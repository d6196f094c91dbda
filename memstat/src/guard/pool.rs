//! Sampled blocks: each alone in a page, between guard pages that allow no access. An instruction that accesses memory
//! past such a block, or the block after its free, faults. Linux's KFENCE does the same
//! (Documentation/dev-tools/kfence.rst).
//!
//! The pool is a window of address space: a guard page, a slot, a guard page, a slot, and so on, with a guard page at
//! the end. A block lies at the end of its slot, or, every other time, at its start; the rest of the slot is filled as a
//! red zone is. A freed slot is protected as well, and is reused as late as possible. The pool keeps track of the slots;
//! the [`Platform`] commits and protects their pages.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::arena::Arena;
use crate::paged_vec::{Id, PagedVec};
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::record::Record;
use slot::{NONE, Number, Slot};

mod slot;

pub(crate) use slot::Life;

/// Maximum number of slots for sampled blocks: so many blocks can be sampled at once; see
/// [`GuardsView::set_sample_slots`](crate::GuardsView::set_sample_slots).
pub const MAX_SAMPLE_SLOTS: usize = 1024;
/// Slots unless the host sets another number.
const DEFAULT_SLOTS: usize = 64;
/// A slot and the guard page after it.
const SLOT_STRIDE_BYTES: usize = 2 * PAGE_SIZE_BYTES;

/// The pool.
#[derive(Debug)]
pub(crate) struct Pool {
    slots: PagedVec<Slot>,
    /// Where the window starts; 0 while there is none.
    base: usize,
    window_bytes: usize,
    wanted_slots: usize,
    /// One allocation in this many is sampled; 0 if none is.
    interval: u32,
    /// Allocations until the next sample.
    countdown: u32,
    /// The list of slots without a live block, in the order in which they were freed.
    first_free: Number,
    last_free: Number,
    live: usize,
    /// Whether the window's first guard page allows access.
    is_front_open: bool,
    /// Whether the next block lies at its slot's start.
    is_next_at_start: bool,
}

impl Pool {
    pub(crate) const fn new() -> Self {
        Self {
            slots: PagedVec::new(),
            base: 0,
            window_bytes: 0,
            wanted_slots: 0,
            interval: 0,
            countdown: 0,
            first_free: 0,
            last_free: 0,
            live: 0,
            is_front_open: false,
            is_next_at_start: false,
        }
    }

    /// Writes what is not zero at the start.
    pub(crate) fn prepare(&mut self) {
        self.wanted_slots = DEFAULT_SLOTS;
        (self.first_free, self.last_free) = (NONE, NONE);
    }

    pub(crate) fn interval(&self) -> u32 {
        self.interval
    }

    /// Slots of the pool, used or not.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Live blocks in the pool.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Sets how many slots the pool has when it is next opened; clamped to 1 to [`MAX_SAMPLE_SLOTS`].
    pub(crate) fn set_wanted_slots(&mut self, slots: usize) {
        self.wanted_slots = slots.clamp(1, MAX_SAMPLE_SLOTS);
    }

    /// Samples one allocation in `interval` from now on, the first of them at a page's end; none if it is 0.
    pub(crate) fn set_interval(&mut self, interval: u32) {
        self.interval = interval;
        self.countdown = interval;
        self.is_next_at_start = false;
    }

    /// Counts an allocation; returns whether to sample it.
    #[inline]
    pub(crate) fn count_down(&mut self) -> bool {
        self.countdown = self.countdown.saturating_sub(1);
        self.countdown == 0
    }

    /// Whether to sample the allocation that was counted last. If so, the countdown restarts.
    pub(crate) fn take_turn(&mut self) -> bool {
        let is_due = self.countdown == 0;
        if is_due {
            self.countdown = self.interval;
        }
        is_due
    }

    /// Reserves address space for the pool, and memory for the slots' descriptors. False if there is none.
    pub(crate) fn open(&mut self, arena: &mut Arena, platform: &impl Platform) -> bool {
        if self.base != 0 {
            return true;
        }
        // At most an eighth of a small arena, which is mostly for records.
        let per_page = PAGE_SIZE_BYTES / size_of::<Slot>();
        let max_slots = self.wanted_slots.min((arena.limit_pages() / 8).saturating_mul(per_page));
        while self.slots.len() < max_slots && self.slots.push(Slot::FRESH, arena, platform).is_ok() {
            self.append_free(self.slots.last_id().0 as Number);
        }
        let pages = 2 * self.slots.len() + 1;
        let window = if self.slots.len() == 0 { None } else { platform.open_window(pages) };
        let Some(window) = window else {
            self.forget_slots(arena, platform);
            return false;
        };
        self.base = window.as_ptr() as usize;
        self.window_bytes = pages * PAGE_SIZE_BYTES;
        true
    }

    /// Whether the pool can be closed: sampling is off, and no block is live.
    pub(crate) fn is_done(&self) -> bool {
        self.base != 0 && self.interval == 0 && self.live == 0
    }

    /// Gives the window, its memory and the slots' descriptors back. No block may be live.
    pub(crate) fn close(&mut self, arena: &mut Arena, platform: &impl Platform) {
        for number in 0..self.slots.len() as Number {
            self.protect_guard_pages(number, platform);
            self.give_memory_of(number, platform);
        }
        platform.close_window();
        self.forget_slots(arena, platform);
        (self.base, self.window_bytes) = (0, 0);
    }

    fn forget_slots(&mut self, arena: &mut Arena, platform: &impl Platform) {
        while self.slots.len() > 0 {
            self.slots.pop(arena, platform);
        }
        (self.first_free, self.last_free) = (NONE, NONE);
    }

    /// Frees the memory of one slot that has memory and no live block; false if there is none.
    pub(crate) fn give_some_memory(&mut self, platform: &impl Platform) -> bool {
        let numbers = 0..self.slots.len() as Number;
        let mut idle = numbers.filter(|number| {
            let slot = self.slot(*number);
            slot.has_memory && !slot.is_live
        });
        let Some(number) = idle.next() else { return false };
        self.give_memory_of(number, platform);
        true
    }

    /// Frees the memory of a slot without a live block, if it has any, and protects the slot.
    fn give_memory_of(&mut self, number: Number, platform: &impl Platform) {
        let page = self.page(number);
        let slot = self.slot_mut(number);
        let (has_memory, is_open) = (slot.has_memory, slot.is_open);
        (slot.has_memory, slot.is_open) = (false, false);
        // SAFETY: a page of the window, in which no block is live.
        unsafe {
            if has_memory {
                platform.decommit_page(page);
            } else if is_open {
                platform.protect_page(page);
            }
        }
    }

    /// Whether an address lies in the pool's window.
    #[inline]
    pub(crate) fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base) < self.window_bytes
    }

    /// Takes the slot that was freed first, and returns where the block lies in it. `None` if no slot is free, there is
    /// no memory, or the block does not fit in a page. The caller calls [`Pool::enter`] or [`Pool::put_back`] next.
    pub(crate) fn take(&mut self, layout: Layout, platform: &impl Platform) -> Option<NonNull<u8>> {
        let room_bytes = layout.size().max(1);
        if room_bytes > PAGE_SIZE_BYTES || layout.align() > PAGE_SIZE_BYTES || self.first_free == NONE {
            return None;
        }
        let number = self.first_free;
        let page = self.page(number);
        let (has_memory, is_open) = (self.slot(number).has_memory, self.slot(number).is_open);
        if has_memory {
            // SAFETY: a page of the window, with memory, in which no block is live.
            unsafe { platform.unprotect_page(page) };
        } else {
            if is_open {
                // SAFETY: a page of the window, in which no block is live.
                unsafe { platform.protect_page(page) };
                self.slot_mut(number).is_open = false;
            }
            // SAFETY: a page of the window, without memory.
            if !unsafe { platform.commit_page(page) } {
                return None;
            }
        }
        self.protect_guard_pages(number, platform);
        self.first_free = self.slot(number).next;
        if self.first_free == NONE {
            self.last_free = NONE;
        }
        let slot = self.slot_mut(number);
        (slot.has_memory, slot.is_open, slot.is_live) = (true, false, true);
        self.live += 1;
        let offset =
            if self.is_next_at_start { 0 } else { (PAGE_SIZE_BYTES - room_bytes) & !(layout.align() - 1) };
        self.is_next_at_start = !self.is_next_at_start;
        // SAFETY: inside the page.
        Some(unsafe { page.add(offset) })
    }

    /// Records the block of a slot that [`Pool::take`] returned.
    pub(crate) fn enter(&mut self, block: &Record) {
        if let Some(number) = self.slot_at(block.address()) {
            let slot = self.slot_mut(number);
            (slot.block, slot.free) = (*block, Record::EMPTY);
        }
    }

    /// Gives back a slot that [`Pool::take`] returned and that is not used.
    pub(crate) fn put_back(&mut self, block: NonNull<u8>, platform: &impl Platform) {
        if let Some(number) = self.slot_at(block.as_ptr() as usize) {
            self.slot_mut(number).block = Record::EMPTY;
            self.leave(number, platform);
        }
    }

    /// Frees a block, and protects its page.
    pub(crate) fn free(&mut self, block: &Record, free: &Record, platform: &impl Platform) {
        if let Some(number) = self.slot_at(block.address()) {
            let slot = self.slot_mut(number);
            (slot.block, slot.free) = (*block, *free);
            self.leave(number, platform);
        }
    }

    fn leave(&mut self, number: Number, platform: &impl Platform) {
        self.protect_guard_pages(number, platform);
        let page = self.page(number);
        self.slot_mut(number).is_live = false;
        self.live -= 1;
        if self.interval == 0 {
            self.give_memory_of(number, platform);
        } else {
            // SAFETY: a page of the window; its block was given up.
            unsafe { platform.protect_page(page) };
        }
        self.append_free(number);
    }

    fn append_free(&mut self, number: Number) {
        self.slot_mut(number).next = NONE;
        match self.last_free {
            NONE => self.first_free = number,
            last => self.slot_mut(last).next = number,
        }
        self.last_free = number;
    }

    /// The last block of the slot that an address lies in; `None` if it lies in no slot, or the slot had no block yet.
    pub(crate) fn life_at(&self, address: usize) -> Option<Life> {
        let slot = self.slot(self.slot_at(address)?);
        slot.was_used().then(|| slot.life())
    }

    /// The block that an access to a protected address is about: in a slot, its freed block; in a guard page, the nearest
    /// block, a live one before a freed one. The page allows access from now on.
    pub(crate) fn open_at(&mut self, address: usize, platform: &impl Platform) -> Option<Life> {
        if !self.contains(address) {
            return None;
        }
        let place = (address - self.base) / PAGE_SIZE_BYTES;
        let page = NonNull::new((self.base + place * PAGE_SIZE_BYTES) as *mut u8)?;
        let life = if let Some(number) = self.slot_at(address) {
            let slot = self.slot_mut(number);
            if slot.is_live || !slot.was_used() {
                return None;
            }
            slot.is_open = true;
            slot.life()
        } else {
            let life = self.nearest_to(place / 2, address)?;
            match (place / 2).checked_sub(1) {
                Some(before) => self.slot_mut(before as Number).is_rear_open = true,
                None => self.is_front_open = true,
            }
            life
        };
        // SAFETY: a page of the window, in which no block is live.
        unsafe { platform.unprotect_page(page) };
        Some(life)
    }

    /// The block nearest to an address in the guard page before the slot `number`, a live one before a freed one.
    fn nearest_to(&self, number: usize, address: usize) -> Option<Life> {
        let neighbours = [number.checked_sub(1), Some(number)];
        let lives = neighbours.into_iter().flatten().filter(|number| *number < self.slots.len());
        let lives = lives.map(|number| self.slot(number as Number)).filter(|slot| slot.was_used());
        let distance = |block: &Record| {
            let start = block.address();
            if address < start { start - address } else { address - start - block.size_bytes() }
        };
        lives.map(Slot::life).min_by_key(|life| (life.free.is_some(), distance(&life.block)))
    }

    /// Protects the guard pages around a slot, where they allow access.
    fn protect_guard_pages(&mut self, number: Number, platform: &impl Platform) {
        let page = self.page(number).as_ptr();
        let is_front_open = match number.checked_sub(1) {
            Some(before) => core::mem::take(&mut self.slot_mut(before).is_rear_open),
            None => core::mem::take(&mut self.is_front_open),
        };
        let is_rear_open = core::mem::take(&mut self.slot_mut(number).is_rear_open);
        for (is_open, guard) in [
            (is_front_open, page.wrapping_sub(PAGE_SIZE_BYTES)),
            (is_rear_open, page.wrapping_add(PAGE_SIZE_BYTES)),
        ] {
            if let Some(guard) = NonNull::new(guard).filter(|_| is_open) {
                // SAFETY: a guard page of the window; no block is in it.
                unsafe { platform.protect_page(guard) };
            }
        }
    }

    /// The slot that an address lies in.
    fn slot_at(&self, address: usize) -> Option<Number> {
        if !self.contains(address) {
            return None;
        }
        let place = (address - self.base) / PAGE_SIZE_BYTES;
        (place % 2 == 1).then_some((place / 2) as Number)
    }

    /// The page of a slot.
    fn page(&self, number: Number) -> NonNull<u8> {
        let address = self.base + PAGE_SIZE_BYTES + usize::from(number) * SLOT_STRIDE_BYTES;
        // The window never lies at address 0.
        NonNull::new(address as *mut u8).unwrap_or(NonNull::dangling())
    }

    fn slot(&self, number: Number) -> &Slot {
        self.slots.get(Id(number.into()))
    }

    fn slot_mut(&mut self, number: Number) -> &mut Slot {
        self.slots.get_mut(Id(number.into()))
    }
}

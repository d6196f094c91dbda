//! The history of frees, in a ring of fixed size. The newest blocks in it may be in quarantine: not given to the backend
//! yet.

use core::ptr::null_mut;

use crate::arena::Arena;
use crate::life::is_inside;
use crate::paged_vec::{Id, PagedVec};
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::record::{Origin, Record};

/// A block that was freed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freed {
    /// The block as it was allocated.
    pub(crate) block: Record,
    /// Its free. The size field is the bytes that the block takes; the alignment field says whether it is in quarantine.
    free: Record,
}

const _: () = assert!(size_of::<Freed>() == 64);

/// Code in the alignment field of a free.
const QUARANTINED: u64 = 1;

impl Freed {
    /// A block that was freed by the event `free`, whose call stack is that of the free.
    #[inline]
    pub(crate) fn new(block: &Record, free: &Origin, taken_bytes: usize, is_quarantined: bool) -> Self {
        let mut record = block.at_event(if is_quarantined { QUARANTINED } else { 0 }, free);
        record.set_size_and_stack(taken_bytes, free.stack);
        Self { block: *block, free: record }
    }

    /// The event that freed it.
    #[inline]
    pub(crate) fn free(&self) -> &Record {
        &self.free
    }

    /// Bytes that the block takes from memory, red zones and rounding included.
    #[inline]
    pub(crate) fn taken_bytes(&self) -> usize {
        self.free.size_bytes()
    }

    #[inline]
    pub(crate) fn is_quarantined(&self) -> bool {
        self.free.align_bytes() == 1 << QUARANTINED
    }
}

/// Entries in a page.
const PER_PAGE: usize = PAGE_SIZE_BYTES / size_of::<Freed>();
/// Maximum number of frees that are remembered.
const MAX_REMEMBERED: usize = 1024;

/// The ring of the last frees, and the quarantine in it.
#[derive(Debug)]
pub(crate) struct FreedBlocks {
    /// Whole pages, a power of two of them; each entry below `noted` is written.
    ring: PagedVec<Freed>,
    /// Frees that were ever noted.
    noted: usize,
    /// Where the next entry is written, and the end of its page.
    next: *mut Freed,
    stop: *mut Freed,
    /// The number of the oldest entry in quarantine, if there is one. Later entries may be in quarantine too.
    first_quarantined: usize,
    quarantined_blocks: usize,
    quarantined_bytes: usize,
    max_blocks: usize,
    max_bytes: usize,
}

// SAFETY: the pointers lead into pages of this ring alone.
unsafe impl Send for FreedBlocks {}

impl FreedBlocks {
    pub(crate) const fn new() -> Self {
        Self {
            ring: PagedVec::new(),
            noted: 0,
            next: null_mut(),
            stop: null_mut(),
            first_quarantined: 0,
            quarantined_blocks: 0,
            quarantined_bytes: 0,
            max_blocks: 0,
            max_bytes: 0,
        }
    }

    /// Writes what is not zero at the start.
    pub(crate) fn prepare(&mut self) {
        self.set_limits(512, 1 << 20);
    }

    /// Sets the limits of the quarantine: blocks, and the bytes that they take.
    pub(crate) fn set_limits(&mut self, blocks: usize, bytes: usize) {
        (self.max_blocks, self.max_bytes) = (blocks, bytes);
    }

    /// Takes memory for the ring, up to [`MAX_REMEMBERED`] entries, fewer if the arena is small or full.
    pub(crate) fn open(&mut self, arena: &mut Arena, platform: &impl Platform) {
        if self.ring.len() > 0 {
            return;
        }
        // At most an eighth of a small arena, which is mostly for records.
        let max_entries = MAX_REMEMBERED.min((arena.limit_pages() / 8).saturating_mul(PER_PAGE));
        while self.ring.len() < max_entries {
            // SAFETY: entries are read only up to the last one that was noted.
            if unsafe { self.ring.push_page(arena, platform) }.is_err() {
                break;
            }
        }
        while self.ring.len() > 0 && !self.ring.len().is_power_of_two() {
            self.ring.pop_page(arena, platform);
        }
    }

    /// Forgets all frees and gives the ring's memory back. The quarantine must be empty.
    pub(crate) fn close(&mut self, arena: &mut Arena, platform: &impl Platform) {
        debug_assert!(self.quarantined_blocks == 0);
        while self.ring.len() > 0 {
            self.ring.pop_page(arena, platform);
        }
        self.noted = 0;
        (self.next, self.stop) = (null_mut(), null_mut());
    }

    /// Forgets all frees, if the quarantine is empty. Called when later frees will not be noted.
    pub(crate) fn clear(&mut self) {
        if self.quarantined_blocks == 0 {
            self.noted = 0;
            (self.next, self.stop) = (null_mut(), null_mut());
        }
    }

    /// Forgets the frees of `address`, except for a block in quarantine: a new block starts there, which has no record.
    #[cold]
    #[inline(never)]
    pub(crate) fn forget(&mut self, address: usize) {
        for number in self.noted - self.remembered()..self.noted {
            // SAFETY: it was noted, and not overwritten since; nobody else refers to it.
            let freed = unsafe { &mut *self.slot(number) };
            if freed.block.address() == address && !freed.is_quarantined() {
                freed.block = Record::EMPTY;
            }
        }
    }

    /// Frees that are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.noted.min(self.ring.len())
    }

    pub(crate) fn quarantined_blocks(&self) -> usize {
        self.quarantined_blocks
    }

    pub(crate) fn quarantined_bytes(&self) -> usize {
        self.quarantined_bytes
    }

    #[inline]
    fn slot(&self, number: usize) -> *mut Freed {
        self.ring.slot(Id((number & (self.ring.len() - 1)) as u32))
    }

    /// Whether a block that takes so many bytes fits in the quarantine once others are evicted.
    #[inline]
    pub(crate) fn can_take(&self, taken_bytes: usize) -> bool {
        self.ring.len() > 0 && self.max_blocks > 0 && taken_bytes <= self.max_bytes
    }

    /// Whether a block that takes so many bytes fits in the quarantine now.
    #[inline]
    pub(crate) fn has_room_for(&self, taken_bytes: usize) -> bool {
        self.quarantined_blocks < self.max_blocks && self.quarantined_bytes + taken_bytes <= self.max_bytes
    }

    /// Whether the next free would overwrite the entry of a block in quarantine.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.quarantined_blocks > 0 && self.noted - self.first_quarantined >= self.ring.len()
    }

    /// Whether the current page has a place for an entry, which [`FreedBlocks::note_fast`] needs.
    #[inline]
    pub(crate) fn has_place(&self) -> bool {
        self.next != self.stop
    }

    /// Notes a free, unless it would overwrite the entry of a block in quarantine. If its block enters the quarantine,
    /// the caller has made room for it.
    #[inline]
    pub(crate) fn note(&mut self, freed: Freed) {
        if (!self.has_place() && !self.turn_page()) || self.is_full() {
            return;
        }
        self.note_fast(freed);
    }

    /// As [`FreedBlocks::note`], where [`FreedBlocks::has_place`] is true and no quarantined entry is overwritten.
    #[inline]
    pub(crate) fn note_fast(&mut self, freed: Freed) {
        if freed.is_quarantined() {
            if self.quarantined_blocks == 0 {
                self.first_quarantined = self.noted;
            }
            self.quarantined_blocks += 1;
            self.quarantined_bytes += freed.taken_bytes();
        }
        // SAFETY: before `stop` lies room for an entry of this ring, which nobody refers to.
        unsafe {
            self.next.write(freed);
            self.next = self.next.add(1);
        }
        self.noted += 1;
    }

    /// Moves to the ring's next page. False if there is none.
    #[cold]
    #[inline(never)]
    pub(crate) fn turn_page(&mut self) -> bool {
        if self.ring.len() == 0 {
            return false;
        }
        self.next = self.slot(self.noted);
        self.stop = self.next.wrapping_add(PER_PAGE);
        true
    }

    /// The oldest block in quarantine.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<&Freed> {
        if self.quarantined_blocks == 0 {
            return None;
        }
        // SAFETY: noted, and the ring does not overwrite what is in quarantine.
        Some(unsafe { &*self.slot(self.first_quarantined) })
    }

    /// Removes the oldest block from the quarantine; its free is still remembered. There must be one.
    #[inline]
    pub(crate) fn evict_oldest(&mut self) {
        let slot = self.slot(self.first_quarantined);
        // SAFETY: as in `oldest`; nobody else refers to it.
        let freed = unsafe { &mut *slot };
        self.quarantined_blocks -= 1;
        self.quarantined_bytes -= freed.taken_bytes();
        freed.free = freed.free.with_code(0);
        self.first_quarantined += 1;
        if self.quarantined_blocks > 0 {
            self.skip_others();
        }
    }

    /// Advances to the next entry that is in quarantine.
    #[inline]
    fn skip_others(&mut self) {
        // SAFETY: as in `oldest`: one in quarantine follows.
        while !unsafe { &*self.slot(self.first_quarantined) }.is_quarantined() {
            self.first_quarantined += 1;
        }
    }

    /// The entries, newest first.
    fn newest_first(&self) -> impl Iterator<Item = &Freed> {
        let oldest = self.noted - self.remembered();
        // SAFETY: each was noted, and not overwritten since.
        (oldest..self.noted).rev().map(|number| unsafe { &*self.slot(number) })
    }

    /// The blocks in quarantine, newest first.
    pub(crate) fn quarantined(&self) -> impl Iterator<Item = &Freed> {
        let places = if self.quarantined_blocks == 0 { 0 } else { self.noted - self.first_quarantined };
        self.newest_first().take(places).filter(|freed| freed.is_quarantined())
    }

    /// The last free of the block that started at `address`.
    pub(crate) fn find(&self, address: usize) -> Option<&Freed> {
        self.newest_first().find(|freed| freed.block.address() == address)
    }

    /// The last free of a block that contained `address`.
    pub(crate) fn find_around(&self, address: usize) -> Option<&Freed> {
        self.newest_first().find(|freed| freed.block.address() != 0 && is_inside(&freed.block, address))
    }

    /// The block in quarantine that contains `address`, red zones included.
    pub(crate) fn find_quarantined_around(&self, address: usize) -> Option<&Freed> {
        self.quarantined().find(|freed| {
            let block = &freed.block;
            let front = super::red_zones::front_bytes(block.guarding(), block.align_bytes());
            let start = block.address() - front;
            (start..start + freed.taken_bytes().max(1)).contains(&address)
        })
    }
}

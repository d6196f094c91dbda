//! The dense array of records, in pages of the arena, under a two-level table of pages.

use core::ptr::null_mut;

use super::{ArenaFull, Page};
use crate::arena::Arena;
use crate::platform::{PAGE_SIZE_BYTES, Platform};
use crate::record::Record;

/// Records in a page.
const PER_PAGE: usize = PAGE_SIZE_BYTES / size_of::<Record>();
/// Page pointers in a page of the table's second level.
const PER_BRANCH: usize = PAGE_SIZE_BYTES / size_of::<*mut Record>();
/// Entries of the first level: room for 128 * 512 * 1024 = 67,108,864 records.
const BRANCHES: usize = 1024;

/// The number of a record: its place in the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordId(pub(super) u32);

type Branch = [*mut Record; PER_BRANCH];

/// The array.
#[derive(Debug)]
pub(super) struct Records {
    branches: [*mut Branch; BRANCHES],
    length: usize,
    /// An empty page behind the last record's, kept so that a load that swings around a page's edge does
    /// not take and give it each time.
    has_spare_page: bool,
}

// SAFETY: the pages behind the pointers belong to this array alone.
unsafe impl Send for Records {}

impl Records {
    pub(super) const fn new() -> Self {
        Self { branches: [null_mut(); BRANCHES], length: 0, has_spare_page: false }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The number of the last record. The array must not be empty.
    #[inline]
    pub(super) fn last_id(&self) -> RecordId {
        RecordId((self.length - 1) as u32)
    }

    #[inline]
    fn slot(&self, id: RecordId) -> *mut Record {
        let number = id.0 as usize;
        debug_assert!(number < self.length);
        let branch = self.branches[number / (PER_PAGE * PER_BRANCH) % BRANCHES];
        // SAFETY: every number below `length` has its branch and its page, made by `push` before the
        // number was given out; record numbers come from this array only.
        unsafe { (*branch)[number / PER_PAGE % PER_BRANCH].add(number % PER_PAGE) }
    }

    #[inline]
    pub(super) fn get(&self, id: RecordId) -> &Record {
        // SAFETY: `slot` points to a written record of this array, and `&self` keeps it from changing.
        unsafe { &*self.slot(id) }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: RecordId) -> &mut Record {
        // SAFETY: as in `get`; `&mut self` makes the reference the only one.
        unsafe { &mut *self.slot(id) }
    }

    /// Appends a record.
    #[inline]
    pub(super) fn push(
        &mut self,
        record: Record,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<RecordId, ArenaFull> {
        if self.length.is_multiple_of(PER_PAGE) && !core::mem::take(&mut self.has_spare_page) {
            self.add_page(arena, platform)?;
        }
        let id = RecordId(self.length as u32);
        self.length += 1;
        // SAFETY: the page was made before the length reached it; a record needs no drop.
        unsafe { self.slot(id).write(record) };
        Ok(id)
    }

    /// Drops the last record. The array must not be empty.
    #[inline]
    pub(super) fn pop(&mut self, arena: &mut Arena, platform: &impl Platform) {
        self.length -= 1;
        if self.length.is_multiple_of(PER_PAGE) {
            if self.has_spare_page {
                self.remove_page(self.length + PER_PAGE, arena, platform);
            }
            self.has_spare_page = true;
        }
    }

    #[cold]
    fn add_page(&mut self, arena: &mut Arena, platform: &impl Platform) -> Result<(), ArenaFull> {
        let (branch_number, page_number) = Self::place(self.length);
        let branch = self.branches.get_mut(branch_number).ok_or(ArenaFull)?;
        let page = arena.take_page(platform).ok_or(ArenaFull)?;
        if page_number == 0 {
            let Some(fresh) = arena.take_page(platform) else {
                // SAFETY: taken just now and not used.
                unsafe { arena.give_page(page, platform) };
                return Err(ArenaFull);
            };
            *branch = fresh.cast::<Branch>().as_ptr();
        }
        // SAFETY: the branch is a page of the arena that `add_page` made when its first entry was needed.
        unsafe { (&raw mut (**branch)[page_number]).write(page.cast::<Record>().as_ptr()) };
        Ok(())
    }

    /// Gives back the page of the record number `first`, and its branch if that page was its first.
    #[cold]
    fn remove_page(&mut self, first: usize, arena: &mut Arena, platform: &impl Platform) {
        let (branch_number, page_number) = Self::place(first);
        let Some(branch) = self.branches.get_mut(branch_number) else { return };
        // SAFETY: the page was made by `add_page`; no record lies in it any more.
        let page = unsafe { (**branch)[page_number] };
        let give = |pointer: *mut u8, arena: &mut Arena| {
            if let Some(page) = Page::new(pointer) {
                // SAFETY: the page came from the arena, and the table forgets it now.
                unsafe { arena.give_page(page, platform) };
            }
        };
        give(page.cast(), arena);
        if page_number == 0 {
            give(branch.cast(), arena);
            *branch = null_mut();
        }
    }

    /// Where the page pointer of the record number `first` stands.
    fn place(first: usize) -> (usize, usize) {
        (first / (PER_PAGE * PER_BRANCH), first / PER_PAGE % PER_BRANCH)
    }
}

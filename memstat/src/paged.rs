//! A dense array in pages of the arena, under a two-level table of pages: it grows and shrinks by a page.

use core::ptr::{NonNull, null_mut};

use crate::arena::{Arena, ArenaFull};
use crate::platform::{PAGE_SIZE_BYTES, Platform};

/// Page pointers in a page of the table's second level.
const PER_BRANCH: usize = PAGE_SIZE_BYTES / size_of::<*mut u8>();
/// Entries of the first level: room for 524,288 pages, which is 67,108,864 records of 32 bytes.
const BRANCHES: usize = 1024;

/// The number of an element: its place in the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) u32);

type Branch<T> = [*mut T; PER_BRANCH];

/// The array. `T` needs no drop.
#[derive(Debug)]
pub(crate) struct Paged<T> {
    branches: [*mut Branch<T>; BRANCHES],
    length: usize,
    /// An empty page behind the last element's, kept so that a load that swings around a page's edge does
    /// not take and give it each time.
    has_spare_page: bool,
}

// SAFETY: the pages behind the pointers belong to this array alone.
unsafe impl<T: Send> Send for Paged<T> {}

impl<T: Copy> Paged<T> {
    /// Elements in a page.
    const PER_PAGE: usize = PAGE_SIZE_BYTES / size_of::<T>();

    pub(crate) const fn new() -> Self {
        Self { branches: [null_mut(); BRANCHES], length: 0, has_spare_page: false }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The number of the last element. The array must not be empty.
    #[inline]
    pub(crate) fn last_id(&self) -> Id {
        Id((self.length - 1) as u32)
    }

    #[inline]
    fn slot(&self, id: Id) -> *mut T {
        let number = id.0 as usize;
        debug_assert!(number < self.length);
        let branch = self.branches[number / (Self::PER_PAGE * PER_BRANCH) % BRANCHES];
        // SAFETY: every number below `length` has its branch and its page, made by `push` before the
        // number was given out; numbers come from this array only.
        unsafe { (*branch)[number / Self::PER_PAGE % PER_BRANCH].add(number % Self::PER_PAGE) }
    }

    #[inline]
    pub(crate) fn get(&self, id: Id) -> &T {
        // SAFETY: `slot` points to a written element of this array, and `&self` keeps it from changing.
        unsafe { &*self.slot(id) }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: Id) -> &mut T {
        // SAFETY: as in `get`; `&mut self` makes the reference the only one.
        unsafe { &mut *self.slot(id) }
    }

    /// Appends an element.
    #[inline]
    pub(crate) fn push(
        &mut self,
        element: T,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<Id, ArenaFull> {
        if self.length.is_multiple_of(Self::PER_PAGE) && !core::mem::take(&mut self.has_spare_page) {
            self.add_page(arena, platform)?;
        }
        let id = Id(self.length as u32);
        self.length += 1;
        // SAFETY: the page was made before the length reached it; an element needs no drop.
        unsafe { self.slot(id).write(element) };
        Ok(id)
    }

    /// Drops the last element. The array must not be empty.
    #[inline]
    pub(crate) fn pop(&mut self, arena: &mut Arena, platform: &impl Platform) {
        self.length -= 1;
        if self.length.is_multiple_of(Self::PER_PAGE) {
            if self.has_spare_page {
                self.remove_page(self.length + Self::PER_PAGE, arena, platform);
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
            *branch = fresh.cast::<Branch<T>>().as_ptr();
        }
        // SAFETY: the branch is a page of the arena that `add_page` made when its first entry was needed.
        unsafe { (&raw mut (**branch)[page_number]).write(page.cast::<T>().as_ptr()) };
        Ok(())
    }

    /// Gives back the page of the element number `first`, and its branch if that page was its first.
    #[cold]
    fn remove_page(&mut self, first: usize, arena: &mut Arena, platform: &impl Platform) {
        let (branch_number, page_number) = Self::place(first);
        let Some(branch) = self.branches.get_mut(branch_number) else { return };
        // SAFETY: the page was made by `add_page`; no element lies in it any more.
        let page = unsafe { (**branch)[page_number] };
        let give = |pointer: *mut u8, arena: &mut Arena| {
            if let Some(page) = NonNull::new(pointer) {
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

    /// Where the page pointer of the element number `first` stands.
    fn place(first: usize) -> (usize, usize) {
        (first / (Self::PER_PAGE * PER_BRANCH), first / Self::PER_PAGE % PER_BRANCH)
    }
}

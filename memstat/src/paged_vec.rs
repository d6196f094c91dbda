//! A vector in pages of the arena, found through a two-level table: it grows and shrinks by a page.

use core::ptr::{NonNull, null_mut};

use crate::arena::{Arena, ArenaFull};
use crate::platform::{PAGE_SIZE_BYTES, Platform};

/// Page pointers in a page of the table's second level.
const PER_BRANCH: usize = PAGE_SIZE_BYTES / size_of::<*mut u8>();
/// Entries of the first level, unless others are asked for: room for 524,288 pages, which is 67,108,864 records of
/// 32 bytes.
pub(crate) const BRANCHES: usize = 1024;

/// The number of an element: its index in the vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) u32);

/// Pages of elements of any type.
type Branch = [*mut u8; PER_BRANCH];

/// The vector, with so many entries in the first level. `T` needs no drop, and its size divides that of a page.
#[derive(Debug)]
pub(crate) struct PagedVec<T, const LIMIT: usize = BRANCHES> {
    branches: [*mut Branch; LIMIT],
    /// The address after the last element; null while there is none.
    tail: *mut T,
    length: usize,
    /// Whether an empty page after the last element's is kept, so that pushes and pops around a page boundary do not take
    /// and give back a page each time.
    has_spare_page: bool,
}

// SAFETY: the pages that the pointers lead to belong to this vector alone.
unsafe impl<T: Send, const LIMIT: usize> Send for PagedVec<T, LIMIT> {}

impl<T: Copy, const LIMIT: usize> PagedVec<T, LIMIT> {
    /// Elements in a page.
    const PER_PAGE: usize = PAGE_SIZE_BYTES / size_of::<T>();
    /// Maximum number of elements.
    pub(crate) const MAX_LEN: usize = LIMIT * PER_BRANCH * Self::PER_PAGE;

    pub(crate) const fn new() -> Self {
        const { assert!(PAGE_SIZE_BYTES.is_multiple_of(size_of::<T>())) };
        Self { branches: [null_mut(); LIMIT], tail: null_mut(), length: 0, has_spare_page: false }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The number of the last element. The vector must not be empty.
    #[inline]
    pub(crate) fn last_id(&self) -> Id {
        Id((self.length - 1) as u32)
    }

    /// The last element. The vector must not be empty.
    #[inline]
    pub(crate) fn last(&self) -> &T {
        debug_assert!(self.length > 0);
        // SAFETY: the last element is directly before the tail, written by `push`; `&self` keeps it from changing.
        unsafe { &*self.tail.sub(1) }
    }

    /// The address of an element. Elements do not move, so the pointer may be kept, as long as its user makes sure that no
    /// reference conflicts with it.
    #[inline]
    pub(crate) fn slot(&self, id: Id) -> *mut T {
        let number = id.0 as usize;
        debug_assert!(number < self.length);
        let branch = self.branches[number / (Self::PER_PAGE * PER_BRANCH) % LIMIT];
        // SAFETY: every number below `length` has its branch and its page, made by `push` before the
        // number was given out; numbers come from this vector only.
        unsafe {
            let page = (*branch)[number / Self::PER_PAGE % PER_BRANCH].cast::<T>();
            page.add(number % Self::PER_PAGE)
        }
    }

    #[inline]
    pub(crate) fn get(&self, id: Id) -> &T {
        // SAFETY: `slot` points to a written element of this vector, and `&self` keeps it from changing.
        unsafe { &*self.slot(id) }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: Id) -> &mut T {
        // SAFETY: as in `get`; `&mut self` makes the reference the only one.
        unsafe { &mut *self.slot(id) }
    }

    /// Whether the page of the next element has no element yet.
    #[inline]
    fn is_at_page_boundary(&self) -> bool {
        self.length.is_multiple_of(Self::PER_PAGE)
    }

    /// The number that the next element will have.
    #[inline]
    pub(crate) fn next_id(&self) -> Id {
        Id(self.length as u32)
    }

    /// Writes an element at the tail, whose page must have room.
    #[inline]
    fn put(&mut self, element: T) {
        self.length += 1;
        // SAFETY: the page has room for an element at the tail, which then moves past it.
        unsafe {
            self.tail.write(element);
            self.tail = self.tail.add(1);
        }
    }

    /// Appends an element.
    #[inline]
    pub(crate) fn push(
        &mut self,
        element: T,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<Id, ArenaFull> {
        if self.is_at_page_boundary() {
            self.open_page(arena, platform)?;
        }
        let id = self.next_id();
        self.put(element);
        Ok(id)
    }

    /// Removes the last element. The vector must not be empty. The case that a page becomes empty is not inlined.
    #[inline]
    pub(crate) fn pop(&mut self, arena: &mut Arena, platform: &impl Platform) {
        self.length -= 1;
        self.tail = self.tail.wrapping_sub(1);
        if self.is_at_page_boundary() {
            self.close_page(arena, platform);
        }
    }

    /// Whether [`PagedVec::pop_alone`] can be done.
    #[inline]
    pub(crate) fn can_pop_alone(&self) -> bool {
        !self.has_spare_page || self.length % Self::PER_PAGE != 1
    }

    /// Removes the last element, where that gives no page to the arena, see [`PagedVec::can_pop_alone`].
    #[inline]
    pub(crate) fn pop_alone(&mut self) {
        debug_assert!(self.length > 0 && self.can_pop_alone());
        self.length -= 1;
        self.tail = self.tail.wrapping_sub(1);
        if self.is_at_page_boundary() {
            self.has_spare_page = true;
            self.tail = self.end_of_last_page();
        }
    }

    /// Appends a whole page of elements. All pages must be full.
    ///
    /// # Safety
    ///
    /// None of the new elements is read before it is written.
    pub(crate) unsafe fn push_page(
        &mut self,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(), ArenaFull> {
        self.open_page(arena, platform)?;
        self.length += Self::PER_PAGE;
        self.tail = self.tail.wrapping_add(Self::PER_PAGE);
        Ok(())
    }

    /// Appends elements up to the end of a page, `count` at most, where `count` is not 0. Returns the number of the first,
    /// its address, and how many there are.
    ///
    /// # Safety
    ///
    /// None of the new elements is read before it is written.
    pub(crate) unsafe fn push_some(
        &mut self,
        count: usize,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<(Id, *mut T, usize), ArenaFull> {
        if self.is_at_page_boundary() {
            self.open_page(arena, platform)?;
        }
        let count = count.min(Self::PER_PAGE - self.length % Self::PER_PAGE);
        let first = (self.next_id(), self.tail, count);
        self.length += count;
        self.tail = self.tail.wrapping_add(count);
        Ok(first)
    }

    /// Removes the last page of elements. All pages must be full.
    pub(crate) fn pop_page(&mut self, arena: &mut Arena, platform: &impl Platform) {
        self.length -= Self::PER_PAGE;
        self.close_page(arena, platform);
    }

    /// Gives the page back that is kept after the last element's, if there is one.
    #[cold]
    #[inline(never)]
    pub(crate) fn give_spare_page(&mut self, arena: &mut Arena, platform: &impl Platform) {
        if core::mem::take(&mut self.has_spare_page) {
            remove_page(&mut self.branches, self.length.div_ceil(Self::PER_PAGE), arena, platform);
        }
    }

    /// Moves the tail to the page after the last element's.
    #[cold]
    #[inline(never)]
    fn open_page(&mut self, arena: &mut Arena, platform: &impl Platform) -> Result<(), ArenaFull> {
        if !core::mem::take(&mut self.has_spare_page) {
            add_page(&mut self.branches, self.length / Self::PER_PAGE, arena, platform)?;
        }
        self.tail = self.page_of(self.length);
        Ok(())
    }

    /// Moves the tail back to the page of the last element; the page after it has become empty.
    #[cold]
    #[inline(never)]
    fn close_page(&mut self, arena: &mut Arena, platform: &impl Platform) {
        if self.has_spare_page {
            remove_page(&mut self.branches, self.length / Self::PER_PAGE + 1, arena, platform);
        }
        self.has_spare_page = true;
        self.tail = self.end_of_last_page();
    }

    /// The address behind the last page, where all pages are full.
    fn end_of_last_page(&self) -> *mut T {
        match self.length.checked_sub(1) {
            Some(last) => self.page_of(last).wrapping_add(Self::PER_PAGE),
            None => null_mut(),
        }
    }

    /// The page that has room for element `number`.
    fn page_of(&self, number: usize) -> *mut T {
        let page = number / Self::PER_PAGE;
        let branch = self.branches[page / PER_BRANCH];
        // SAFETY: asked only for pages that `add_page` made, and for their branches.
        unsafe { (*branch)[page % PER_BRANCH].cast() }
    }
}

/// Adds the page of a number, and its branch if that page is its first. The types of elements share this code.
#[inline(never)]
fn add_page(
    branches: &mut [*mut Branch],
    number: usize,
    arena: &mut Arena,
    platform: &impl Platform,
) -> Result<(), ArenaFull> {
    let branch = branches.get_mut(number / PER_BRANCH).ok_or(ArenaFull)?;
    let page = arena.take_page(platform).ok_or(ArenaFull)?;
    if number.is_multiple_of(PER_BRANCH) {
        let Some(fresh) = arena.take_page(platform) else {
            // SAFETY: taken just now and not used.
            unsafe { arena.give_page(page, platform) };
            return Err(ArenaFull);
        };
        *branch = fresh.cast::<Branch>().as_ptr();
    }
    // SAFETY: the branch is a page of the arena that was made when its first entry was needed.
    unsafe { (&raw mut (**branch)[number % PER_BRANCH]).write(page.as_ptr()) };
    Ok(())
}

/// Gives back the page of a number, which [`add_page`] made last, and its branch if that page was its first.
#[inline(never)]
fn remove_page(branches: &mut [*mut Branch], number: usize, arena: &mut Arena, platform: &impl Platform) {
    let Some(branch) = branches.get_mut(number / PER_BRANCH) else { return };
    // SAFETY: the page is there, and so its branch.
    let page = unsafe { (**branch)[number % PER_BRANCH] };
    let give = |pointer: *mut u8, arena: &mut Arena| {
        if let Some(page) = NonNull::new(pointer) {
            // SAFETY: the page came from the arena, and the table forgets it now.
            unsafe { arena.give_page(page, platform) };
        }
    };
    give(page, arena);
    if number.is_multiple_of(PER_BRANCH) {
        give(branch.cast(), arena);
        *branch = null_mut();
    }
}

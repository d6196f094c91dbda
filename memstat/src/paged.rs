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

/// The array. `T` needs no drop, and its size divides a page's.
#[derive(Debug)]
pub(crate) struct Paged<T> {
    branches: [*mut Branch<T>; BRANCHES],
    /// Behind the last element; null while there is none.
    tail: *mut T,
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
        const { assert!(PAGE_SIZE_BYTES.is_multiple_of(size_of::<T>())) };
        Self { branches: [null_mut(); BRANCHES], tail: null_mut(), length: 0, has_spare_page: false }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The number of the last element. The array must not be empty.
    #[inline]
    pub(crate) fn last_id(&self) -> Id {
        Id((self.length - 1) as u32)
    }

    /// The last element. The array must not be empty.
    #[inline]
    pub(crate) fn last(&self) -> &T {
        debug_assert!(self.length > 0);
        // SAFETY: below the tail lies the last element, written by `push`; `&self` keeps it from changing.
        unsafe { &*self.tail.sub(1) }
    }

    /// The same, to change.
    #[inline]
    pub(crate) fn last_mut(&mut self) -> &mut T {
        debug_assert!(self.length > 0);
        // SAFETY: as in `last`; `&mut self` makes the reference the only one.
        unsafe { &mut *self.tail.sub(1) }
    }

    /// Where the element lies. It stays there, so this may be kept; what else may refer to it then is the keeper's
    /// concern.
    #[inline]
    pub(crate) fn slot(&self, id: Id) -> *mut T {
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

    /// Whether there is no element in the page that the next one belongs to.
    #[inline]
    fn is_at_page_edge(&self) -> bool {
        self.length.is_multiple_of(Self::PER_PAGE)
    }

    /// The number that the next element will have.
    #[inline]
    pub(crate) fn next_id(&self) -> Id {
        Id(self.length as u32)
    }

    /// Whether the next [`Paged::push`] needs no other page.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        !self.is_at_page_edge()
    }

    /// Writes an element to the tail, for which its page must have room.
    #[inline]
    fn put(&mut self, element: T) {
        self.length += 1;
        // SAFETY: the tail is room for an element; and then it is behind it.
        unsafe {
            self.tail.write(element);
            self.tail = self.tail.add(1);
        }
    }

    /// Appends an element. There must be room, as [`Paged::has_room`] says.
    #[inline]
    pub(crate) fn push_fast(&mut self, element: T) {
        debug_assert!(self.has_room());
        self.put(element);
    }

    /// Appends an element.
    #[inline]
    pub(crate) fn push(
        &mut self,
        element: T,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<Id, ArenaFull> {
        if self.is_at_page_edge() {
            self.open_page(arena, platform)?;
        }
        let id = self.next_id();
        self.put(element);
        Ok(id)
    }

    /// Drops the last element. The array must not be empty. No call, but where that leaves the page empty.
    #[inline]
    pub(crate) fn pop(&mut self, arena: &mut Arena, platform: &impl Platform) {
        self.length -= 1;
        self.tail = self.tail.wrapping_sub(1);
        if self.is_at_page_edge() {
            self.close_page(arena, platform);
        }
    }

    /// Appends a whole page of elements. There must be no page that is not full.
    ///
    /// # Safety
    ///
    /// None of them is read before it is written.
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

    /// Drops the last page of elements. All pages must be full.
    pub(crate) fn pop_page(&mut self, arena: &mut Arena, platform: &impl Platform) {
        self.length -= Self::PER_PAGE;
        self.close_page(arena, platform);
    }

    /// Goes on to the page behind the last element's.
    #[cold]
    #[inline(never)]
    fn open_page(&mut self, arena: &mut Arena, platform: &impl Platform) -> Result<(), ArenaFull> {
        if !core::mem::take(&mut self.has_spare_page) {
            self.add_page(arena, platform)?;
        }
        self.tail = self.page_of(self.length);
        Ok(())
    }

    /// Goes back to the page of the last element; the one behind it has become empty.
    #[cold]
    #[inline(never)]
    fn close_page(&mut self, arena: &mut Arena, platform: &impl Platform) {
        if self.has_spare_page {
            self.remove_page(self.length + Self::PER_PAGE, arena, platform);
        }
        self.has_spare_page = true;
        self.tail = match self.length.checked_sub(1) {
            Some(last) => self.page_of(last).wrapping_add(Self::PER_PAGE),
            None => null_mut(),
        };
    }

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
    fn remove_page(&mut self, first: usize, arena: &mut Arena, platform: &impl Platform) {
        let page = self.page_of(first);
        let (branch_number, page_number) = Self::place(first);
        let Some(branch) = self.branches.get_mut(branch_number) else { return };
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

    /// The page in which the element number `number` lies, or would.
    fn page_of(&self, number: usize) -> *mut T {
        let (branch_number, page_number) = Self::place(number);
        let branch = self.branches[branch_number];
        // SAFETY: asked only for pages that `add_page` made, and for their branches.
        unsafe { (*branch)[page_number] }
    }

    /// Where the page pointer of the element number `number` stands.
    fn place(number: usize) -> (usize, usize) {
        (number / (Self::PER_PAGE * PER_BRANCH), number / Self::PER_PAGE % PER_BRANCH)
    }
}

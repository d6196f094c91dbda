//! An allocator with a tracker around it.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, copy_nonoverlapping, null_mut, write_bytes};

use crate::arena::{Arena, ArenaStatistics};
use crate::backend::{Backend, Location};
use crate::counters::Counters;
use crate::live::LiveMap;
use crate::lock::{Guard, Lock};
use crate::platform::Platform;
use crate::record::{Origin, Record};

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
    /// `None` until [`Tracked::start`].
    backend: Option<B>,
    arena: Arena,
    live: LiveMap,
    counters: Counters,
    sequence: u64,
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
            backend: None,
            arena: Arena::new(),
            live: LiveMap::new(),
            counters: Counters::ZERO,
            sequence: 0,
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
        let old_layout = {
            let mut inner = self.enter();
            let layout = inner.layout_of(block)?;
            if inner.resize_in_place(block, layout, new_size_bytes) {
                return Ok(Some(block));
            }
            layout
        };
        let Ok(new_layout) = Layout::from_size_align(new_size_bytes, old_layout.align()) else {
            self.enter().counters.failures += 1;
            return Ok(None);
        };
        let Some(moved) = self.allocate(new_layout) else { return Ok(None) };
        // SAFETY: both blocks are live, different, and at least that long; the caller owns the old one.
        unsafe {
            copy_nonoverlapping(block.as_ptr(), moved.as_ptr(), old_layout.size().min(new_size_bytes));
            self.free(block)?;
        }
        self.enter().counters.reallocations += 1;
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
        self.enter().counters
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
            self.counters.failures += 1;
            return None;
        };
        self.counters.count_allocation();
        self.sequence += 1;
        let origin = Origin {
            sequence: self.sequence,
            stamp: platform.stamp(),
            cpu: platform.cpu(),
            task: platform.task(),
            stack: 0,
        };
        let record = Record::new(block, layout, &origin);
        let address = block.as_ptr() as usize;
        if self.live.insert(address, record, &mut self.arena, platform).is_ok() {
            self.counters.add_bytes(layout.size(), backend.usable_size_bytes(layout));
        } else {
            self.counters.untracked += 1;
            self.counters.live_untracked += 1;
        }
        Some(block)
    }

    #[inline]
    fn free(&mut self, block: NonNull<u8>, claim: Claim, platform: &impl Platform) -> Result<(), BadFree> {
        let address = block.as_ptr() as usize;
        if let Claim::Layout(layout) = claim
            && let Some(record) = self.live.get(address)
            && record.layout() != layout
        {
            let kind = BadFreeKind::WrongLayout {
                size_bytes: record.size_bytes(),
                align_bytes: record.align_bytes(),
            };
            self.counters.bad_frees += 1;
            return Err(BadFree { address, kind });
        }
        let Some(record) = self.live.remove(address, &mut self.arena, platform) else {
            return self.free_unrecorded(block, claim);
        };
        let Some(backend) = self.backend.as_mut() else { return Ok(()) };
        let layout = record.layout();
        self.counters.count_free();
        self.counters.subtract_bytes(layout.size(), backend.usable_size_bytes(layout));
        self.sequence += 1;
        // SAFETY: the live map had the block, with the layout that it was allocated with, and has it no
        // more.
        unsafe { backend.deallocate(block, layout) };
        Ok(())
    }

    #[cold]
    fn free_unrecorded(&mut self, block: NonNull<u8>, claim: Claim) -> Result<(), BadFree> {
        let address = block.as_ptr() as usize;
        let Some(own_layout) = self.unrecorded_layout(address) else {
            self.counters.bad_frees += 1;
            return Err(self.bad_free(address));
        };
        let layout = match claim {
            Claim::Layout(layout) => layout,
            Claim::PointerOnly => own_layout,
        };
        self.counters.count_free();
        self.counters.live_untracked -= 1;
        self.sequence += 1;
        if let Some(backend) = self.backend.as_mut() {
            // SAFETY: the backend itself says that a live block starts here and names its layout.
            unsafe { backend.deallocate(block, layout) };
        }
        Ok(())
    }

    /// The layout of a live block that could not be recorded, as far as the backend knows it.
    fn unrecorded_layout(&self, address: usize) -> Option<Layout> {
        if self.counters.live_untracked == 0 {
            return None;
        }
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

    fn layout_of(&mut self, block: NonNull<u8>) -> Result<Layout, BadFree> {
        let address = block.as_ptr() as usize;
        let recorded = self.live.get(address).map(Record::layout);
        recorded.or_else(|| self.unrecorded_layout(address)).ok_or_else(|| {
            self.counters.bad_frees += 1;
            self.bad_free(address)
        })
    }

    /// Changes just the record if the backend would use the same memory for the new size anyway.
    fn resize_in_place(&mut self, block: NonNull<u8>, old: Layout, new_size_bytes: usize) -> bool {
        let Ok(new) = Layout::from_size_align(new_size_bytes, old.align()) else { return false };
        let Some(backend) = self.backend.as_ref() else { return false };
        let taken_bytes = backend.usable_size_bytes(old);
        if backend.usable_size_bytes(new) != taken_bytes {
            return false;
        }
        let Some(record) = self.live.get_mut(block.as_ptr() as usize) else { return false };
        record.set_size_bytes(new_size_bytes);
        self.counters.subtract_bytes(old.size(), taken_bytes);
        self.counters.add_bytes(new.size(), taken_bytes);
        self.counters.reallocations += 1;
        self.sequence += 1;
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

    unsafe fn realloc(&self, block: *mut u8, _layout: Layout, new_size: usize) -> *mut u8 {
        let Some(block) = NonNull::new(block) else { return null_mut() };
        // SAFETY: the caller owns the block and gives it up if it moves.
        let moved = unsafe { self.reallocate(block, new_size) };
        moved.ok().flatten().map_or(null_mut(), NonNull::as_ptr)
    }
}

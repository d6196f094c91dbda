//! The trait by which the tracker uses an allocator.

use core::alloc::Layout;
use core::ptr::{NonNull, copy_nonoverlapping};

/// An allocator that [`Tracked`](crate::Tracked) can wrap.
///
/// The methods take `&mut self`: the tracker serialises them, so a backend needs no lock. One that serves several CPUs
/// or threads at once says so: [`Backend::shared`].
///
/// # Safety
///
/// A block that `allocate` returned is aligned as asked, at least `layout.size()` bytes long, overlaps no
/// other live block and stays where it is until `deallocate`. `deallocate` and `locate` access only the backend's own
/// memory.
pub unsafe trait Backend {
    /// Whether trackers of this backend are usually made by [`Tracked::over`](crate::Tracked::over), and not by
    /// [`Tracked::new`](crate::Tracked::new). A static tracker made as usual has no initial contents: it lies in `.bss`,
    /// and not in the program's file.
    const IS_STATIC: bool = false;

    /// Whether [`Backend::live`] says what is allocated. If not, the tracker counts live blocks even at level `off`.
    const KNOWS_LIVE: bool = false;

    /// Whether the free of a block without a record is refused if the claimed layout takes another size than the block. If
    /// not, the backend's own layout counts. [`Backend::locate`] must find blocks for this.
    const REFUSES_WRONG_SIZES: bool = false;

    /// Whether [`Backend::allocate_zeroed`] takes less work than to write all bytes.
    const HAS_ZEROED: bool = false;

    /// Whether [`Backend::grow`] and [`Backend::shrink`] do better than to allocate, copy and free: then the tracker
    /// calls them, under its lock. Where they do not, it does the same itself, and copies without holding the lock. A
    /// backend that says yes goes by the layouts that it is given.
    const HAS_RESIZE: bool = false;

    /// Allocates a block; `None` if there is none of this layout. A size of 0 is a valid request. The slice is as long as
    /// the memory that the block takes, and at least as long as [`Backend::usable_size_bytes`] says.
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>>;

    /// As [`Backend::allocate`], with all bytes of the layout zero.
    fn allocate_zeroed(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let block = self.allocate(layout)?;
        // SAFETY: a fresh block of at least that size.
        unsafe { block.cast::<u8>().write_bytes(0, layout.size()) };
        Some(block)
    }

    /// Gives a block a larger size, in place or by a move; its contents stay. Returns where it is then, as
    /// [`Backend::allocate`] does, or `None` if there is no memory: the block is as before then.
    ///
    /// # Safety
    ///
    /// `block` and `old` are as for [`Backend::deallocate`]. `new` has the same alignment and is not smaller. After a
    /// move nobody uses the old block.
    unsafe fn grow(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        let moved = self.allocate(new)?;
        // SAFETY: both are live, and at least as long as the smaller one; the rest is upheld by the caller.
        unsafe {
            copy_nonoverlapping(block.as_ptr(), moved.as_ptr().cast(), old.size().min(new.size()));
            self.deallocate(block, old);
        }
        Some(moved)
    }

    /// Gives a block a smaller size, as [`Backend::grow`] does a larger one; its contents stay up to the new size.
    ///
    /// # Safety
    ///
    /// As for [`Backend::grow`], but that `new` is not larger.
    unsafe fn shrink(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: upheld by the caller; `grow` copies as much as both have.
        unsafe { self.grow(block, old, new) }
    }

    /// Whether this backend may be called from the tracker's fast path: by [`Backend::allocate_fast`],
    /// [`Backend::deallocate_fast`] and [`Backend::taken_size_bytes_fast`]. The answer never changes.
    fn has_fast_path(&self) -> bool {
        true
    }

    /// As [`Backend::allocate`]. `None` does not mean that there is no memory. It is inlined into the tracker's fast path,
    /// which saves no registers if this does what takes only a few instructions and no call, and leaves the rest to
    /// `allocate`.
    ///
    /// # Safety
    ///
    /// [`Backend::has_fast_path`] is true.
    #[inline]
    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.allocate(layout)
    }

    /// As [`Backend::deallocate_unsized`] for the block that starts at `address`, and for the fast path, like
    /// [`Backend::allocate_fast`]. `None` does not mean that there is no live block. `claimed` is the layout that the
    /// caller claims, if any. It may be wrong: a backend that knows its blocks must not rely on it. For address 0 this
    /// must return `None`.
    ///
    /// # Safety
    ///
    /// [`Backend::has_fast_path`] is true. If a live block starts there, nobody uses it any more.
    #[inline]
    unsafe fn deallocate_fast(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        let block = NonNull::new(address as *mut u8)?;
        if self.locate(address) != Location::Unsupported {
            // SAFETY: upheld by the caller; the backend itself makes sure that it is a live block.
            return unsafe { self.deallocate_unsized(block) };
        }
        // SAFETY: upheld by the caller, who alone knows the block.
        claimed.map(|layout| unsafe { self.deallocate(block, layout) })
    }

    /// Frees a block, and returns how many bytes it took: as many as its allocation returned.
    ///
    /// # Safety
    ///
    /// `block` came from `allocate` of this backend and was not freed since; with this `layout`, or with one of
    /// the same alignment and the same [`Backend::usable_size_bytes`].
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize;

    /// Frees the block that starts at `block`, of which only the pointer is known, and returns how many bytes it took.
    /// `None` if no live block starts there; nothing has changed then.
    ///
    /// # Safety
    ///
    /// If a live block starts there, nobody uses it any more.
    unsafe fn deallocate_unsized(&mut self, block: NonNull<u8>) -> Option<usize> {
        let address = block.as_ptr() as usize;
        match self.locate(address) {
            Location::Live { start, layout } if start == address => {
                // SAFETY: a live block starts here, and `locate` returned a layout to free it with.
                Some(unsafe { self.deallocate(block, layout) })
            }
            _ => None,
        }
    }

    /// What is allocated now; `None` if the backend does not know, see [`Backend::KNOWS_LIVE`]. It need not be fast: it is
    /// called when the level is switched, and for figures at level `off`.
    fn live(&self) -> Option<Live> {
        None
    }

    /// Bytes that a block of this layout takes from memory, at least `layout.size()`.
    #[inline]
    fn usable_size_bytes(&self, layout: Layout) -> usize {
        layout.size()
    }

    /// Bytes that the live block at `block` takes, as its allocation returned and its deallocation will, if `layout` is as
    /// for [`Backend::deallocate`]. With any other layout it is the bytes that such a block would take, as far as the
    /// backend knows.
    #[inline]
    fn taken_size_bytes(&self, block: NonNull<u8>, layout: Layout) -> usize {
        let _ = block;
        self.usable_size_bytes(layout)
    }

    /// As [`Backend::taken_size_bytes`], for any block of that layout, if that takes only a few instructions.
    ///
    /// # Safety
    ///
    /// [`Backend::has_fast_path`] is true.
    #[inline]
    unsafe fn taken_size_bytes_fast(&self, layout: Layout) -> Option<usize> {
        let _ = layout;
        None
    }

    /// The same allocator for several CPUs or threads at once, if it is such. Where the platform has several
    /// [lanes](crate::Platform::LANES), each uses that then; else only one of them is in the backend at a time. The
    /// answer never changes.
    #[inline]
    fn shared(&self) -> Option<&dyn SharedBackend> {
        None
    }

    /// Frees the backend's reserves: an empty slab, an empty pool.
    fn trim(&mut self) {}

    /// What lies at an address. A backend that does not know where its blocks are keeps this default; then the free of a
    /// block without a record is not checked.
    fn locate(&self, address: usize) -> Location {
        let _ = address;
        Location::Unsupported
    }
}

/// An allocator that serves several CPUs or threads at once: it has a lock of its own, or needs none.
///
/// # Safety
///
/// As for [`Backend`], of which it is a part: a block may come from one and go to the other.
pub unsafe trait SharedBackend: Sync {
    /// As [`Backend::allocate`].
    fn allocate(&self, layout: Layout) -> Option<NonNull<[u8]>>;

    /// As [`Backend::deallocate`].
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate`].
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) -> usize;

    /// As [`Backend::usable_size_bytes`].
    #[inline]
    fn usable_size_bytes(&self, layout: Layout) -> usize {
        layout.size()
    }

    /// Gives a block of the layout `old` another size, in place or by a move; its contents stay up to the smaller size.
    /// `None` if that is not possible: the block is as before then, and the tracker allocates another and copies.
    ///
    /// # Safety
    ///
    /// As for [`Backend::deallocate`] with `old`, if the answer is not `None`.
    #[inline]
    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
    ) -> Option<NonNull<[u8]>> {
        let _ = (block, old, new_size_bytes);
        None
    }
}

/// The sums over all allocated blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// How many.
    pub blocks: u64,
    /// Bytes that they take from memory.
    pub bytes: u64,
}

/// What lies at an address, as far as a backend knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// The backend does not know where its blocks are. Then it returns this for every address.
    Unsupported,
    /// Not memory of this backend, or not part of a block.
    Unknown,
    /// Inside an allocated block.
    Live {
        /// Where that block starts.
        start: usize,
        /// A layout with which the block may be freed.
        layout: Layout,
    },
    /// Inside a block that is free now.
    Free {
        /// Where that block starts.
        start: usize,
    },
}

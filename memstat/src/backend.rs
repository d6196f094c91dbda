//! The one trait through which the tracker knows an allocator.

use core::alloc::Layout;
use core::ptr::NonNull;

/// An allocator that [`Tracked`](crate::Tracked) can wrap.
///
/// The methods take `&mut self`: the tracker serialises them, so a backend needs no lock. One that serves several CPUs
/// or threads at once says so: [`Backend::shared`].
///
/// # Safety
///
/// A block that `allocate` returned is aligned as asked, at least `layout.size()` bytes long, overlaps no
/// other live block and stays where it is until `deallocate`. `deallocate` and `locate` touch no memory
/// but the backend's own.
pub unsafe trait Backend {
    /// Hands out a block, or `None` when there is none of that layout. A zero size is a valid request. The
    /// slice is as long as the memory that the block takes, and at least as long as
    /// [`Backend::usable_size_bytes`] says.
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>>;

    /// Whether this backend has fast paths, [`Backend::allocate_fast`] and [`Backend::deallocate_fast`].
    /// The answer never changes.
    fn has_fast_path(&self) -> bool {
        false
    }

    /// Does what [`Backend::allocate`] does if that is done in a few instructions without a call; `None` says
    /// nothing about whether there is memory. It is inlined into the tracker's fast path.
    ///
    /// # Safety
    ///
    /// [`Backend::has_fast_path`] says yes.
    #[inline]
    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let _ = layout;
        None
    }

    /// Does what [`Backend::deallocate_unsized`] does for the block that starts at `address` if that is done in a
    /// few instructions without a call; `None` says nothing about whether it is a live block. `claimed` is the
    /// layout that the caller says it has, if it says one. It may be wrong: a backend that knows its blocks must not
    /// go by it. For address 0 the answer must be `None`.
    ///
    /// # Safety
    ///
    /// [`Backend::has_fast_path`] says yes. If a live block starts there, nobody uses it any more.
    #[inline]
    unsafe fn deallocate_fast(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        let _ = (address, claimed);
        None
    }

    /// Takes a block back, and says how many bytes it took: as many as at its allocation.
    ///
    /// # Safety
    ///
    /// `block` came from `allocate` of this backend and was not freed since; with this `layout`, or with one of
    /// the same alignment and the same [`Backend::usable_size_bytes`].
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize;

    /// Takes back the block that starts at `block`, of which just the pointer is known, and says how many
    /// bytes it took; `None` if no live block starts there, and nothing has changed then.
    ///
    /// # Safety
    ///
    /// If a live block starts there, nobody uses it any more.
    unsafe fn deallocate_unsized(&mut self, block: NonNull<u8>) -> Option<usize> {
        let address = block.as_ptr() as usize;
        match self.locate(address) {
            Location::Live { start, layout } if start == address => {
                // SAFETY: a live block starts here, and `locate` names a layout to give it back with.
                Some(unsafe { self.deallocate(block, layout) })
            }
            _ => None,
        }
    }

    /// What is allocated now; `None` if the backend does not know. Called when counting starts, so it need not be
    /// fast. For a backend that does not know, the tracker goes on counting at level `off`.
    fn live(&self) -> Option<Live> {
        None
    }

    /// Bytes that a block of this layout takes from memory, at least `layout.size()`.
    #[inline]
    fn usable_size_bytes(&self, layout: Layout) -> usize {
        layout.size()
    }

    /// Bytes that the live block at `block` takes, as its allocation said and its deallocation will, if `layout` is
    /// as for [`Backend::deallocate`]. With any other the answer is some number, which differs where a block of that
    /// layout would take more or less, as far as the backend knows.
    #[inline]
    fn taken_size_bytes(&self, block: NonNull<u8>, layout: Layout) -> usize {
        let _ = block;
        self.usable_size_bytes(layout)
    }

    /// As [`Backend::taken_size_bytes`], for any block of that layout, if that takes only a few instructions.
    ///
    /// # Safety
    ///
    /// [`Backend::has_fast_path`] says yes.
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

    /// Frees what it keeps in reserve: an empty slab, an empty pool.
    fn trim(&mut self) {}

    /// What lies at an address. A backend that knows each allocated block reports it; one that does not keeps this
    /// default: then a block without a record is freed unchecked, as the caller asks.
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

/// Allocated blocks.
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
    /// The backend does not know where its blocks lie. It says so of every address.
    Unsupported,
    /// Not memory of this backend, or of no block.
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

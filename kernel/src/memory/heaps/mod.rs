//! Heaps: the backends that the command line chooses from with `heap=`, one file each.
//!
//! A new one is a file and, here, a row of [`Kind`] and of [`Heap`].

mod buddy;
pub(crate) mod contract;
mod linked_list;
mod page_map;
mod region;
mod regional;
mod runs;
mod slab;
mod talc;
mod tlsf;

use core::alloc::Layout;
use core::ptr::NonNull;

use memstat::{Backend, Live, Location};

use self::buddy::Buddy;
use self::linked_list::LinkedList;
use self::regional::Regional;
use self::talc::Talc;
use self::tlsf::Tlsf;

pub(crate) use page_map::PageWords;
pub(crate) use slab::{Class, Slab};

/// Where a heap's pages come from.
///
/// # Safety
///
/// `take` hands out 2^order pages, aligned to their size, that are nobody else's until `give`.
pub(crate) unsafe trait PageSource: Send {
    /// Takes 2^`order` pages.
    fn take(&mut self, order: u32) -> Option<NonNull<u8>>;

    /// Gives 2^`order` pages back.
    ///
    /// # Safety
    ///
    /// `pages` came from `take` with this order, and nobody uses them any more.
    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32);
}

/// The backends that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Size classes over pages: the default.
    Slab,
    /// Powers of two.
    Buddy,
    /// The crate `talc`.
    Talc,
    /// The crate `rlsf`.
    Tlsf,
    /// The crate `linked_list_allocator`.
    LinkedList,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Slab, Self::Buddy, Self::Talc, Self::Tlsf, Self::LinkedList];

    /// The name that is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Slab => "slab",
            Self::Buddy => "buddy",
            Self::Talc => "talc",
            Self::Tlsf => "tlsf",
            Self::LinkedList => "linked-list",
        }
    }

    /// The backend of a name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The heap of the kind that was chosen.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the kernel has one heap, which lies in .bss")]
pub(crate) enum Heap<S> {
    /// See [`slab`].
    Slab(Slab<S>),
    /// See [`buddy`].
    Buddy(Regional<Buddy, S>),
    /// See [`talc`].
    Talc(Regional<Talc, S>),
    /// See [`tlsf`].
    Tlsf(Regional<Tlsf, S>),
    /// See [`linked_list`].
    LinkedList(Regional<LinkedList, S>),
}

/// Evaluates to an expression of any heap.
macro_rules! with_heap {
    ($heap:expr, $any:ident => $what:expr) => {
        match $heap {
            Heap::Slab($any) => $what,
            Heap::Buddy($any) => $what,
            Heap::Talc($any) => $what,
            Heap::Tlsf($any) => $what,
            Heap::LinkedList($any) => $what,
        }
    };
}

impl<S: PageSource> Heap<S> {
    /// An empty heap of a kind over `source`. `words` cover every page that the source may give.
    pub(crate) fn new(kind: Kind, source: S, words: PageWords) -> Self {
        match kind {
            Kind::Slab => Self::Slab(Slab::new(source, words)),
            Kind::Buddy => Self::Buddy(Regional::new(source, words)),
            Kind::Talc => Self::Talc(Regional::new(source, words)),
            Kind::Tlsf => Self::Tlsf(Regional::new(source, words)),
            Kind::LinkedList => Self::LinkedList(Regional::new(source, words)),
        }
    }

    /// The name that chooses this heap on the command line.
    pub(crate) fn name(&self) -> &'static str {
        let kind = match self {
            Self::Slab(_) => Kind::Slab,
            Self::Buddy(_) => Kind::Buddy,
            Self::Talc(_) => Kind::Talc,
            Self::Tlsf(_) => Kind::Tlsf,
            Self::LinkedList(_) => Kind::LinkedList,
        };
        kind.name()
    }

    /// The size class `number`, from the smallest blocks up; `None` behind the last, and in a heap without.
    pub(crate) fn class(&self, number: usize) -> Option<Class> {
        match self {
            Self::Slab(slab) => slab.class(number),
            _ => None,
        }
    }

    /// Pages that are cut into blocks: slabs with their descriptors, or regions.
    pub(crate) fn shared_pages(&self) -> usize {
        with_heap!(self, heap => heap.shared_pages())
    }

    /// Pages in large blocks, each a run of its own.
    pub(crate) fn large_pages(&self) -> usize {
        with_heap!(self, heap => heap.large_pages())
    }

    /// Where the pages come from.
    fn source(&self) -> &S {
        with_heap!(self, heap => heap.source())
    }
}

// SAFETY: each of the heaps keeps the contract.
unsafe impl<S: PageSource> Backend for Heap<S> {
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        with_heap!(self, heap => heap.allocate(layout))
    }

    fn is_quick(&self) -> bool {
        with_heap!(self, heap => heap.is_quick())
    }

    #[inline]
    unsafe fn allocate_quickly(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: the slab is the only heap that is quick, as the caller has made sure.
        unsafe { self.as_quick().allocate_quickly(layout) }
    }

    #[inline]
    unsafe fn deallocate_quickly(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        // SAFETY: as above; the rest is handed on to the caller.
        unsafe { self.as_quick().deallocate_quickly(address, claimed) }
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: handed on to the caller.
        with_heap!(self, heap => unsafe { heap.deallocate(block, layout) })
    }

    unsafe fn deallocate_unsized(&mut self, block: NonNull<u8>) -> Option<usize> {
        // SAFETY: handed on to the caller.
        with_heap!(self, heap => unsafe { heap.deallocate_unsized(block) })
    }

    fn live(&self) -> Option<Live> {
        with_heap!(self, heap => heap.live())
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        with_heap!(self, heap => heap.usable_size_bytes(layout))
    }

    #[inline]
    fn taken_size_bytes(&self, block: NonNull<u8>, layout: Layout) -> usize {
        with_heap!(self, heap => heap.taken_size_bytes(block, layout))
    }

    #[inline]
    unsafe fn taken_size_bytes_quickly(&self, layout: Layout) -> Option<usize> {
        match self {
            // SAFETY: handed on to the caller.
            Self::Slab(slab) => unsafe { slab.taken_size_bytes_quickly(layout) },
            // SAFETY: the slab is the only heap that is quick, as the caller has made sure.
            _ => unsafe { core::hint::unreachable_unchecked() },
        }
    }

    fn locate(&self, address: usize) -> Location {
        with_heap!(self, heap => heap.locate(address))
    }

    fn trim(&mut self) {
        with_heap!(self, heap => heap.trim());
    }
}

impl<S> Heap<S> {
    /// The slab heap, without a look at whether it is one: the fast path has no time for that.
    ///
    /// # Safety
    ///
    /// It is the slab heap.
    #[inline]
    unsafe fn as_quick(&mut self) -> &mut Slab<S> {
        match self {
            Self::Slab(slab) => slab,
            // SAFETY: the caller knows better.
            _ => unsafe { core::hint::unreachable_unchecked() },
        }
    }
}

#[cfg(test)]
mod guard_model;
#[cfg(test)]
mod model;
#[cfg(test)]
mod test_window;
#[cfg(test)]
mod tests;

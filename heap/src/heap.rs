//! The kernel's heap: one of the backends, chosen at boot.
//!
//! A new backend is a file beside this one or in `regional`, a row of [`Kind`], and one in each table here.

use core::alloc::Layout;
use core::ptr::NonNull;

use memstat::{Backend, Live, Location};

use crate::regional::Regional;
use crate::regional::buddy::Buddy;
use crate::regional::linked_list::LinkedList;
use crate::regional::talc::Talc;
use crate::regional::tlsf::Tlsf;
use crate::slab::Slab;
use crate::{Kind, PageSource, PageWords, SizeClass};

/// The heap of the kind that was chosen, over pages of `S`.
#[derive(Debug)]
pub struct Heap<S>(AnyHeap<S>);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a kernel has one heap, which lies in .bss")]
enum AnyHeap<S> {
    Slab(Slab<S>),
    Buddy(Regional<Buddy, S>),
    Talc(Regional<Talc, S>),
    Tlsf(Regional<Tlsf, S>),
    LinkedList(Regional<LinkedList, S>),
}

/// Evaluates an expression with whichever heap there is.
macro_rules! with_heap {
    ($heap:expr, $any:ident => $what:expr) => {
        match $heap {
            AnyHeap::Slab($any) => $what,
            AnyHeap::Buddy($any) => $what,
            AnyHeap::Talc($any) => $what,
            AnyHeap::Tlsf($any) => $what,
            AnyHeap::LinkedList($any) => $what,
        }
    };
}

impl<S: PageSource> Heap<S> {
    /// An empty heap of a kind over `source`. `words` cover every page that the source may give.
    pub fn new(kind: Kind, source: S, words: PageWords) -> Self {
        Self(match kind {
            Kind::Slab => AnyHeap::Slab(Slab::new(source, words)),
            Kind::Buddy => AnyHeap::Buddy(Regional::new(source, words)),
            Kind::Talc => AnyHeap::Talc(Regional::new(source, words)),
            Kind::Tlsf => AnyHeap::Tlsf(Regional::new(source, words)),
            Kind::LinkedList => AnyHeap::LinkedList(Regional::new(source, words)),
        })
    }

    /// The name that chooses this heap.
    pub fn name(&self) -> &'static str {
        let kind = match &self.0 {
            AnyHeap::Slab(_) => Kind::Slab,
            AnyHeap::Buddy(_) => Kind::Buddy,
            AnyHeap::Talc(_) => Kind::Talc,
            AnyHeap::Tlsf(_) => Kind::Tlsf,
            AnyHeap::LinkedList(_) => Kind::LinkedList,
        };
        kind.name()
    }

    /// The size class `number`, the smallest blocks first; `None` after the last, and in a heap without size classes.
    pub fn class(&self, number: usize) -> Option<SizeClass> {
        match &self.0 {
            AnyHeap::Slab(slab) => slab.class(number),
            _ => None,
        }
    }

    /// Pages that are cut into blocks: slabs with their descriptors, or regions.
    pub fn shared_pages(&self) -> usize {
        with_heap!(&self.0, heap => heap.shared_pages())
    }

    /// Pages in large blocks, each a run of its own.
    pub fn large_pages(&self) -> usize {
        with_heap!(&self.0, heap => heap.large_pages())
    }

    /// Bytes of live blocks, as they take them from memory.
    pub fn live_bytes(&self) -> u64 {
        self.live().map_or(0, |live| live.bytes)
    }

    /// Where the pages come from.
    pub(crate) fn source(&self) -> &S {
        with_heap!(&self.0, heap => heap.source())
    }
}

// SAFETY: each of the heaps keeps the contract.
unsafe impl<S: PageSource> Backend for Heap<S> {
    const KNOWS_LIVE: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        with_heap!(&mut self.0, heap => heap.allocate(layout))
    }

    fn has_fast_path(&self) -> bool {
        with_heap!(&self.0, heap => heap.has_fast_path())
    }

    #[inline]
    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        // SAFETY: the slab is the only heap with fast paths, as the caller has made sure.
        unsafe { self.as_fast().allocate_fast(layout) }
    }

    #[inline]
    unsafe fn deallocate_fast(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        // SAFETY: as above; the rest is upheld by the caller.
        unsafe { self.as_fast().deallocate_fast(address, claimed) }
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: upheld by the caller.
        with_heap!(&mut self.0, heap => unsafe { heap.deallocate(block, layout) })
    }

    unsafe fn deallocate_unsized(&mut self, block: NonNull<u8>) -> Option<usize> {
        // SAFETY: upheld by the caller.
        with_heap!(&mut self.0, heap => unsafe { heap.deallocate_unsized(block) })
    }

    fn live(&self) -> Option<Live> {
        with_heap!(&self.0, heap => heap.live())
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        with_heap!(&self.0, heap => heap.usable_size_bytes(layout))
    }

    #[inline]
    fn taken_size_bytes(&self, block: NonNull<u8>, layout: Layout) -> usize {
        with_heap!(&self.0, heap => heap.taken_size_bytes(block, layout))
    }

    #[inline]
    unsafe fn taken_size_bytes_fast(&self, layout: Layout) -> Option<usize> {
        match &self.0 {
            // SAFETY: upheld by the caller.
            AnyHeap::Slab(slab) => unsafe { slab.taken_size_bytes_fast(layout) },
            // SAFETY: the slab is the only heap with fast paths, as the caller has made sure.
            _ => unsafe { core::hint::unreachable_unchecked() },
        }
    }

    fn locate(&self, address: usize) -> Location {
        with_heap!(&self.0, heap => heap.locate(address))
    }

    fn trim(&mut self) {
        with_heap!(&mut self.0, heap => heap.trim());
    }
}

impl<S> Heap<S> {
    /// The slab heap, without a check of its kind: the fast path cannot afford one.
    ///
    /// # Safety
    ///
    /// It is the slab heap.
    #[inline]
    unsafe fn as_fast(&mut self) -> &mut Slab<S> {
        match &mut self.0 {
            AnyHeap::Slab(slab) => slab,
            // SAFETY: the caller made sure that it is the slab heap.
            _ => unsafe { core::hint::unreachable_unchecked() },
        }
    }
}

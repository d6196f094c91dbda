//! Host memory as a source of pages.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use tally_heap::frames::Frames;
use tally_heap::{PAGE_BYTES, PageNumber, PageSource, PageSpan, PageWords};

/// Zones of every tier start at multiples of this in host memory too.
const MEMORY_ALIGN_BYTES: usize = 1 << 24;

/// Host memory as a source of pages.
pub(crate) struct HostPages {
    pub(crate) frames: Frames,
    pub(crate) span: PageSpan,
    memory: Vec<(NonNull<u8>, Layout)>,
}

impl HostPages {
    pub(crate) fn new(pages: usize) -> Self {
        Self::with_first(pages, 0)
    }

    /// This many pages; the first one has the number `first` in its zone.
    pub(crate) fn with_first(pages: usize, first: usize) -> Self {
        let mut this = Self::memory(pages, first);
        let metadata = this.allocate(Frames::metadata_bytes(&this.span), 64);
        // SAFETY: the memory stays until the frames are gone, and each piece has one owner.
        unsafe {
            this.frames.init(&this.span, metadata);
            this.frames.add(&this.span);
        }
        this
    }

    /// This many pages, which nobody hands out.
    pub(crate) fn without_frames(pages: usize) -> Self {
        Self::memory(pages, 0)
    }

    fn memory(pages: usize, first: usize) -> Self {
        let mut this = Self { frames: Frames::empty(), span: PageSpan::default(), memory: Vec::new() };
        let memory = this.allocate((first + pages) * PAGE_BYTES, MEMORY_ALIGN_BYTES).as_ptr();
        let page = |number: usize| PageNumber::of(memory.wrapping_add(number * PAGE_BYTES));
        this.span = PageSpan::new(page(first), page(first + pages));
        this
    }

    pub(crate) fn words(&mut self) -> PageWords {
        let words = self.allocate(PageWords::size_bytes(&self.span), align_of::<usize>());
        // SAFETY: so many bytes, which the map owns until the end.
        unsafe { PageWords::new(&self.span, words.cast()) }
    }

    /// Zeroed memory that stays until this is dropped.
    pub(crate) fn allocate(&mut self, size_bytes: usize, align_bytes: usize) -> NonNull<u8> {
        let layout = Layout::from_size_align(size_bytes, align_bytes).unwrap();
        // SAFETY: no test asks for no bytes.
        let memory = NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap();
        self.memory.push((memory, layout));
        memory
    }
}

impl Drop for HostPages {
    fn drop(&mut self) {
        for (pointer, layout) in &self.memory {
            // SAFETY: allocated with this layout.
            unsafe { dealloc(pointer.as_ptr(), *layout) };
        }
    }
}

// SAFETY: the memory is used through this alone.
unsafe impl Send for HostPages {}

// SAFETY: `Frames` hands out each page once.
unsafe impl PageSource for HostPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        self.frames.take(order)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: upheld by the caller.
        unsafe { self.frames.give(pages, order) }.unwrap();
    }
}

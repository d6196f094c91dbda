//! Host memory as a source of pages.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

use tally_heap::frames::{Frames, PAGE_BYTES};
use tally_heap::{PageSource, PageWords};

/// Host memory as a source of pages.
pub(crate) struct HostPages {
    pub(crate) frames: Frames,
    memory: Vec<(usize, Layout)>,
    range: (usize, usize),
}

impl HostPages {
    pub(crate) fn new(pages: usize) -> Self {
        let memory_layout = Layout::from_size_align(pages * PAGE_BYTES, 1 << 24).unwrap();
        // SAFETY: the sizes are not zero; each piece has one owner.
        unsafe {
            let start = alloc(memory_layout) as usize;
            let end = start + memory_layout.size();
            let metadata_layout = Layout::from_size_align(Frames::metadata_bytes(start, end), 64).unwrap();
            let metadata = alloc(metadata_layout);
            let mut frames = Frames::empty();
            frames.init(start, end, metadata);
            frames.add(start, end);
            let memory = vec![(start, memory_layout), (metadata as usize, metadata_layout)];
            Self { frames, memory, range: (start, end) }
        }
    }

    pub(crate) fn words(&mut self) -> PageWords {
        let (start, end) = self.range;
        let layout = Layout::from_size_align(PageWords::size_bytes(start, end), 8).unwrap();
        // SAFETY: the size is not zero; the map owns the words until the end.
        unsafe {
            let words = alloc(layout);
            self.memory.push((words as usize, layout));
            PageWords::new(start, end, words.cast())
        }
    }
}

impl Drop for HostPages {
    fn drop(&mut self) {
        for (pointer, layout) in &self.memory {
            // SAFETY: allocated with this layout.
            unsafe { dealloc(*pointer as *mut u8, *layout) };
        }
    }
}

// SAFETY: `Frames` hands out each page once.
unsafe impl PageSource for HostPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        NonNull::new(self.frames.take(order)? as *mut u8)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: handed on to the caller.
        unsafe { self.frames.give(pages.as_ptr() as usize, order) }.unwrap();
    }
}

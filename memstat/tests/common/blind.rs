//! A backend for tests that cannot say what is live.

use std::alloc::Layout;
use std::ptr::NonNull;

use memstat::{Backend, Live};

use super::common::HostBackend;

/// The host's allocator as it is: it does not report what is live, and does not check frees.
#[derive(Debug, Default)]
pub(crate) struct BlindBackend(HostBackend);

// SAFETY: as for `HostBackend`.
unsafe impl Backend for BlindBackend {
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: upheld by the caller.
        unsafe { self.0.deallocate(block, layout) }
    }

    /// So that the slow paths are tested.
    fn has_fast_path(&self) -> bool {
        false
    }

    fn live(&self) -> Option<Live> {
        None
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        self.0.usable_size_bytes(layout)
    }
}

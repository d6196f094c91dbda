//! A backend that several threads may use at once, and that does the same where it is used alone.

use std::alloc::Layout;
use std::ptr::NonNull;

use memstat::{Backend, SharedBackend};

/// A backend of what serves several threads.
#[derive(Debug)]
pub(crate) struct Shared<S>(pub(crate) S);

// SAFETY: `SharedBackend` has the same contract.
unsafe impl<S: SharedBackend> Backend for Shared<S> {
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: upheld by the caller.
        unsafe { self.0.deallocate(block, layout) }
    }

    fn shared(&self) -> Option<&dyn SharedBackend> {
        Some(&self.0)
    }
}

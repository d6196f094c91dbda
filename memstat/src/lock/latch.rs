//! A lock for a few instructions, held by those who are inside the tracker already: interrupts are masked, and the holder
//! is never waited for by somebody that it waits for.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::platform::Platform;

/// The lock. What it protects lies beside it.
#[derive(Debug)]
pub(crate) struct Latch {
    state: AtomicU32,
}

impl Latch {
    pub(crate) const fn new() -> Self {
        Self { state: AtomicU32::new(0) }
    }

    /// Waits for the latch and takes it.
    #[inline]
    pub(crate) fn hold(&self, platform: &impl Platform) -> Held<'_> {
        if self.state.swap(1, Ordering::Acquire) != 0 {
            self.wait(platform);
        }
        Held { latch: self }
    }

    #[cold]
    #[inline(never)]
    fn wait(&self, platform: &impl Platform) {
        let mut turns = 0;
        loop {
            // Only looking, so that the holder keeps its cache line.
            while self.state.load(Ordering::Relaxed) != 0 {
                platform.relax(turns);
                turns += 1;
            }
            if self.state.swap(1, Ordering::Acquire) == 0 {
                return;
            }
        }
    }
}

/// Holds a latch until it is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    latch: &'a Latch,
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.latch.state.store(0, Ordering::Release);
    }
}

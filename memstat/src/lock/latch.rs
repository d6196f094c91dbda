//! A lock for a few instructions, held by those who are inside the tracker already: interrupts are masked, and the holder
//! is never waited for by somebody that it waits for.

use portable_atomic::AtomicU32;

use super::word::Word;
use crate::platform::Platform;

/// The lock. What it protects lies beside it.
#[derive(Debug)]
pub(crate) struct Latch<W = AtomicU32> {
    state: W,
}

impl Latch {
    pub(crate) const fn new() -> Self {
        Self { state: AtomicU32::new(0) }
    }
}

impl<W: Word> Latch<W> {
    /// Waits for the latch and takes it.
    #[inline]
    pub(crate) fn hold(&self, platform: &impl Platform) -> Held<'_, W> {
        if self.state.take() != 0 {
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
            while self.state.look() != 0 {
                platform.relax(turns);
                turns += 1;
            }
            if self.state.take() == 0 {
                return;
            }
        }
    }
}

/// Holds a latch until it is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a, W: Word = AtomicU32> {
    latch: &'a Latch<W>,
}

impl<W: Word> Drop for Held<'_, W> {
    #[inline]
    fn drop(&mut self) {
        self.latch.state.give();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::UnsafeCell;
    use std::sync::Arc;

    use shuttle::sync::atomic::AtomicU32;
    use shuttle::thread;

    use super::*;
    use crate::lock::word::explored::Explored;

    struct Counted {
        latch: Latch<AtomicU32>,
        count: UnsafeCell<u32>,
    }

    // SAFETY: the count has the latch.
    unsafe impl Sync for Counted {}

    #[test]
    fn one_at_a_time_holds_it_in_every_order() {
        let run = || {
            let counted =
                Arc::new(Counted { latch: Latch { state: AtomicU32::new(0) }, count: UnsafeCell::new(0) });
            let add = |counted: &Counted| {
                let _held = counted.latch.hold(&Explored);
                let count = counted.count.get();
                // SAFETY: the latch is held. If it were not, an addition would get lost.
                unsafe {
                    let before = count.read();
                    thread::yield_now();
                    count.write(before + 1);
                }
            };
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let counted = Arc::clone(&counted);
                    thread::spawn(move || (0..2).for_each(|_| add(&counted)))
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
            // SAFETY: all threads have ended.
            assert_eq!(unsafe { counted.count.get().read() }, 6);
        };
        shuttle::check_random(run, 2000);
        shuttle::check_pct(run, 2000, 3);
    }
}

//! The atomic word that latches and gates are made of: a test may put another in its place, which tries all orders in
//! which threads can come.

use portable_atomic::{AtomicU32, Ordering};

use super::checker;

/// An atomic word.
pub(crate) trait Word {
    /// Puts 1 there, and returns what was there; what others did before they put 0 there has happened.
    fn take(&self) -> u32;

    /// What is there, without any order.
    fn look(&self) -> u32;

    /// Puts a value there, without any order.
    fn put(&self, value: u32);

    /// Puts 0 there, after all that was done before.
    fn give(&self);
}

impl Word for AtomicU32 {
    #[inline]
    fn take(&self) -> u32 {
        let was = self.swap(1, Ordering::Acquire);
        if was == 0 {
            checker::acquired(self);
        }
        was
    }

    #[inline]
    fn look(&self) -> u32 {
        checker::unordered(self).load(Ordering::Relaxed)
    }

    #[inline]
    fn put(&self, value: u32) {
        checker::unordered(self).store(value, Ordering::Relaxed);
    }

    #[inline]
    fn give(&self) {
        checker::releasing(self);
        self.store(0, Ordering::Release);
    }
}

/// The word of the tests, and who waits there.
#[cfg(test)]
pub(crate) mod explored {
    use core::ptr::NonNull;
    use core::sync::atomic::Ordering;

    use super::Word;
    use crate::{GuardPages, Hooks, Platform};

    impl Word for shuttle::sync::atomic::AtomicU32 {
        fn take(&self) -> u32 {
            self.swap(1, Ordering::Acquire)
        }

        fn look(&self) -> u32 {
            self.load(Ordering::Relaxed)
        }

        fn put(&self, value: u32) {
            self.store(value, Ordering::Relaxed);
        }

        fn give(&self) {
            self.store(0, Ordering::Release);
        }
    }

    /// Who waits lets others go on.
    #[derive(Debug)]
    pub(crate) struct Explored;

    // SAFETY: it has no pages and no stack; there are no interrupts.
    unsafe impl Platform for Explored {
        fn relax(&self, _turns: u32) {
            shuttle::thread::yield_now();
        }

        fn enter_critical(&self) -> usize {
            0
        }

        fn leave_critical(&self, _saved: usize) {}

        fn take_page(&self) -> Option<NonNull<u8>> {
            None
        }

        unsafe fn give_page(&self, _page: NonNull<u8>) {}
    }

    // SAFETY: there is no window.
    unsafe impl GuardPages for Explored {}

    impl Hooks for Explored {}
}

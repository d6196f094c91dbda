//! How often a report comes: what goes wrong once often goes wrong a thousand times.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::arch::clock;

/// Time in which so many reports may come, as Linux's default rate limit.
const WINDOW_NS: u64 = 5_000_000_000;

/// Lets some reports through, then none until the window that the first opened is over; but it counts those. It takes
/// no lock: between interrupts one report more may come through.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// Reports in a window.
    most: u64,
    /// When the window ends.
    end_ns: AtomicU64,
    passed: AtomicU64,
    /// How many were suppressed since the last that passed.
    suppressed: AtomicU64,
}

impl RateLimit {
    /// So many reports in 5 seconds.
    pub(crate) const fn new(most: u64) -> Self {
        Self { most, end_ns: AtomicU64::new(0), passed: AtomicU64::new(0), suppressed: AtomicU64::new(0) }
    }

    /// Whether a report may come now; then, how many were suppressed since the last.
    pub(crate) fn pass(&self) -> Option<u64> {
        let now_ns = clock::uptime_ns();
        if now_ns >= self.end_ns.load(Ordering::Relaxed) {
            self.end_ns.store(now_ns.saturating_add(WINDOW_NS), Ordering::Relaxed);
            self.passed.store(0, Ordering::Relaxed);
        }
        if self.passed.load(Ordering::Relaxed) >= self.most {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.passed.fetch_add(1, Ordering::Relaxed);
        Some(self.suppressed.swap(0, Ordering::Relaxed))
    }
}

//! Limits how often a report is written: an error that occurs once may occur a thousand times.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::arch::clock;

/// The window in which reports are counted: that of Linux's default rate limit.
const WINDOW_NS: u64 = 5_000_000_000;

/// Allows a number of reports in a window, which starts with the first one; further ones are counted. It takes no lock, so
/// an interrupt may cause one report more.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// Maximum number of reports in a window.
    max_reports: u64,
    /// When the window ends.
    end_ns: AtomicU64,
    passed: AtomicU64,
    /// Number of reports suppressed since the last one allowed.
    suppressed: AtomicU64,
}

impl RateLimit {
    /// At most `max_reports` reports in 5 seconds.
    pub(crate) const fn new(max_reports: u64) -> Self {
        Self {
            max_reports,
            end_ns: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    /// `Some` if a report may be written now, with the number suppressed since the last one.
    pub(crate) fn pass(&self) -> Option<u64> {
        let now_ns = clock::uptime_ns();
        if now_ns >= self.end_ns.load(Ordering::Relaxed) {
            self.end_ns.store(now_ns.saturating_add(WINDOW_NS), Ordering::Relaxed);
            self.passed.store(0, Ordering::Relaxed);
        }
        if self.passed.load(Ordering::Relaxed) >= self.max_reports {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.passed.fetch_add(1, Ordering::Relaxed);
        Some(self.suppressed.swap(0, Ordering::Relaxed))
    }
}

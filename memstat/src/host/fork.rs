//! A fork while another thread is at work in the tracker would leave that thread's locks held in the child for ever, and
//! what they protect half changed. So all locks are taken for the time of the fork, by the thread that forks: that stops
//! all lanes, and the child begins with a tracker that is whole.

use core::sync::atomic::{AtomicU32, Ordering};

use super::gate::Gate;
use super::{pages, report, symbols};
use crate::platform::FirstUse;

/// A tracker whose lock is taken for the time of a fork.
#[derive(Clone, Copy)]
struct Forked(&'static dyn FirstUse);

// SAFETY: the tracker is shared between threads anyway; it is forgotten before it goes.
unsafe impl Send for Forked {}

static FORKED: Gate<Option<Forked>> = Gate::new(None);

/// Trackers that were used.
static TRACKERS: AtomicU32 = AtomicU32::new(0);

/// Holds the lock of `tracker` in forks from now on, if it is the first.
pub(super) fn prepare(tracker: &'static dyn FirstUse) {
    TRACKERS.fetch_add(1, Ordering::Relaxed);
    let forked = Forked(tracker);
    let is_first = FORKED.with(|known| {
        let is_first = known.is_none();
        known.get_or_insert(forked);
        is_first
    });
    if is_first {
        // SAFETY: the functions may be called whenever a thread forks.
        unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_child)) };
    }
}

/// Calls `work` with the program's tracker, if it has only one.
pub(super) fn with_only_tracker(work: impl FnOnce(Option<&dyn FirstUse>)) {
    let is_only = TRACKERS.load(Ordering::Relaxed) == 1;
    FORKED.with(|known| work(known.filter(|_| is_only).map(|known| known.0 as &dyn FirstUse)));
}

/// Holds the lock of this tracker no more: it goes.
pub(super) fn forget(tracker: *const ()) {
    FORKED.with(|known| {
        if known.is_some_and(|known| (&raw const *known.0).cast() == tracker) {
            *known = None;
        }
    });
}

/// The order is that of a report: its own lock, the tracker's, the symbols', the pages'.
extern "C" fn before() {
    FORKED.hold();
    report::REPORTED.hold();
    // SAFETY: the lock is held.
    if let Some(forked) = unsafe { FORKED.value() } {
        forked.0.hold();
    }
    symbols::LOADING.hold();
    pages::PAGES.hold();
}

extern "C" fn after() {
    // SAFETY: `before` has taken these locks, in this thread.
    unsafe {
        pages::PAGES.release();
        symbols::LOADING.release();
        if let Some(forked) = FORKED.value() {
            forked.0.release();
        }
        report::REPORTED.release();
        FORKED.release();
    }
}

extern "C" fn after_in_child() {
    after();
    // The thread that waits for the signal exists in the parent alone.
    if report::is_listening() {
        report::listen();
    }
}

//! Shrinkers: code that keeps memory in reserve registers a function that frees it when pages run out.
//!
//! As Linux's `register_shrinker`: the allocator of pages does not know who uses them.

use core::sync::atomic::{AtomicUsize, Ordering};

use spin::Once;

/// Most shrinkers.
const MAX_SHRINKERS: usize = 4;

static SHRINKERS: [Once<fn()>; MAX_SHRINKERS] = [const { Once::new() }; MAX_SHRINKERS];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Calls `shrink` when pages run out, without the lock of the frames. For the boot only.
///
/// # Panics
///
/// If there are already as many as fit.
pub(crate) fn register(shrink: fn()) {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    SHRINKERS.get(number).expect("there is a place for each shrinker of this kernel").call_once(|| shrink);
}

/// Calls all shrinkers.
#[cold]
#[inline(never)]
pub(crate) fn shrink() {
    SHRINKERS.iter().filter_map(Once::get).for_each(|shrink| shrink());
}

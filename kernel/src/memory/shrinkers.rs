//! Shrinkers: functions that free reserved memory when pages run out, registered by the code that keeps it.
//!
//! Like Linux's `register_shrinker`: the page allocator does not depend on its users.

use core::sync::atomic::{AtomicUsize, Ordering};

use spin::Once;

/// Maximum number of shrinkers.
const MAX_SHRINKERS: usize = 4;

static SHRINKERS: [Once<fn()>; MAX_SHRINKERS] = [const { Once::new() }; MAX_SHRINKERS];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Registers `shrink`, which is called when pages run out, without the lock of the frames. Only to be used at boot.
///
/// # Panics
///
/// If the maximum number is registered already.
pub(crate) fn register(shrink: fn()) {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    SHRINKERS.get(number).expect("the table has room for all shrinkers of this kernel").call_once(|| shrink);
}

/// Calls all shrinkers.
#[cold]
#[inline(never)]
pub(crate) fn shrink() {
    SHRINKERS.iter().filter_map(Once::get).for_each(|shrink| shrink());
}

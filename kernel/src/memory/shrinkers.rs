//! Who keeps memory in reserve registers a shrinker, which frees that memory when pages run out.
//!
//! As Linux's `register_shrinker`: what hands out pages does not know who has them.

use core::sync::atomic::{AtomicUsize, Ordering};

use spin::Once;

/// Shrinkers that there can be.
const MAX_SHRINKERS: usize = 4;

static SHRINKERS: [Once<fn()>; MAX_SHRINKERS] = [const { Once::new() }; MAX_SHRINKERS];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Has `shrink` called when pages run out, with no lock of the frames held. At boot only.
///
/// # Panics
///
/// If there are too many.
pub(crate) fn register(shrink: fn()) {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    SHRINKERS.get(number).expect("there is a place for each shrinker of this kernel").call_once(|| shrink);
}

/// Has all of them give up what they can.
#[cold]
#[inline(never)]
pub(crate) fn shrink() {
    SHRINKERS.iter().filter_map(Once::get).for_each(|shrink| shrink());
}

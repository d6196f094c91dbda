//! The source location where a lock was taken, for the message about a deadlock.

#![expect(
    unsafe_code,
    reason = "a location is read while others write it, so it is kept as an atomic pointer"
)]

use core::panic::Location;
use core::ptr::{from_ref, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

/// The source location where a lock was last taken. It can be read without the lock.
#[derive(Debug)]
pub(crate) struct Holder(AtomicPtr<Location<'static>>);

impl Holder {
    /// The lock was never taken.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// Stores the location.
    #[inline]
    pub(crate) fn note(&self, place: &'static Location<'static>) {
        self.0.store(from_ref(place).cast_mut(), Ordering::Relaxed);
    }

    /// The last location.
    pub(crate) fn place(&self) -> Option<&'static Location<'static>> {
        // SAFETY: it is null, or from a `&'static` reference in `note`.
        unsafe { self.0.load(Ordering::Relaxed).as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_is_known() {
        let holder = Holder::new();
        assert_eq!(holder.place(), None);
        holder.note(Location::caller());
        let last = Location::caller();
        holder.note(last);
        assert_eq!(holder.place(), Some(last));
    }
}

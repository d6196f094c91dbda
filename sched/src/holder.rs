//! Where in the source a lock was taken, to be told to whoever waits for it.

#![expect(unsafe_code, reason = "a place is read while others write it, so it is kept as a pointer")]

use core::panic::Location;
use core::ptr::{from_ref, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

/// The place where a lock was taken last. It can be read while the lock is held by somebody else.
#[derive(Debug)]
pub(crate) struct Holder(AtomicPtr<Location<'static>>);

impl Holder {
    /// Nobody yet.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// Notes the place.
    #[inline]
    pub(crate) fn note(&self, place: &'static Location<'static>) {
        self.0.store(from_ref(place).cast_mut(), Ordering::Relaxed);
    }

    /// The place that was noted last.
    pub(crate) fn place(&self) -> Option<&'static Location<'static>> {
        // SAFETY: it is null, or from `note`, and places live for ever.
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

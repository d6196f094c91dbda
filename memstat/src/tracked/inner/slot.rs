//! The place of a tracker's backend: empty until the start, or filled by the constructor.
//!
//! Whichever of both a backend is usually made with is all zeros, so that the static has no initial contents, and lies
//! in `.bss`.

use core::mem::MaybeUninit;

use crate::backend::Backend;

/// A place for a backend.
#[derive(Debug)]
pub(in super::super) struct Slot<B: Backend> {
    /// Whether it is there, if that is not [`Backend::IS_STATIC`]; whether it is not, if it is.
    is_unusual: bool,
    backend: MaybeUninit<B>,
}

impl<B: Backend> Slot<B> {
    /// No backend.
    pub(super) const fn empty() -> Self {
        Self { is_unusual: B::IS_STATIC, backend: MaybeUninit::uninit() }
    }

    /// This backend.
    pub(super) const fn filled(backend: B) -> Self {
        Self { is_unusual: !B::IS_STATIC, backend: MaybeUninit::new(backend) }
    }

    /// Puts a backend into the empty place.
    pub(super) fn fill(&mut self, backend: B) {
        debug_assert!(self.is_none());
        self.backend.write(backend);
        self.is_unusual = !B::IS_STATIC;
    }

    #[inline]
    pub(in super::super) fn is_none(&self) -> bool {
        self.is_unusual == B::IS_STATIC
    }

    #[inline]
    pub(in super::super) fn as_ref(&self) -> Option<&B> {
        // SAFETY: it is written before it is said to be there.
        if self.is_none() { None } else { Some(unsafe { self.backend.assume_init_ref() }) }
    }

    #[inline]
    pub(in super::super) fn as_mut(&mut self) -> Option<&mut B> {
        // SAFETY: as in `as_ref`.
        if self.is_none() { None } else { Some(unsafe { self.backend.assume_init_mut() }) }
    }
}

impl<B: Backend> Drop for Slot<B> {
    fn drop(&mut self) {
        if !self.is_none() {
            // SAFETY: as in `as_ref`, and it is not used any more.
            unsafe { self.backend.assume_init_drop() };
        }
    }
}

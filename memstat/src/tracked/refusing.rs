//! Operations that find the lock held: they wait, or are refused where waiting would never end.
//!
//! An interrupt handler finds the lock held by its own CPU only if interrupts were enabled under the lock, which is a
//! bug. The handler's operation is refused, so that the machine does not hang.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Tracked;
use super::allocate::Begun;
use super::inner::{Caller, Claim, Inner};
use crate::backend::Backend;
use crate::bad_free::BadFree;
use crate::lock::{Contended, Guard};
use crate::platform::Platform;
use crate::refused::LockRefused;
use crate::stacks::walk::keep_frame;

impl<B: Backend, P: Platform> Tracked<B, P> {
    #[cold]
    #[inline(never)]
    pub(super) fn allocate_later(&self, contended: Contended, layout: Layout) -> Option<NonNull<u8>> {
        let caller = self.caller();
        if let Some(inner) = self.inner.wait(contended) {
            let block =
                self.allocate_slowly(Begun::taken(None), layout, self.ready(inner), caller.frame_pointer);
            keep_frame();
            return block;
        }
        self.refuse(&LockRefused::Allocate(layout), &caller);
        None
    }

    #[cold]
    #[inline(never)]
    pub(super) fn free_later(
        &self,
        contended: Contended,
        address: usize,
        claim: impl Claim,
        report: impl FnOnce(BadFree, usize),
    ) {
        let caller = self.caller();
        if let Some(inner) = self.inner.wait(contended) {
            self.free_slowly(address, claim, self.ready(inner), caller.frame_pointer, report);
            keep_frame();
        } else if address != 0 {
            self.refuse(&LockRefused::Free { address }, &caller);
        }
    }

    /// Takes the lock; `None` if waiting for it would never end.
    pub(super) fn enter_if_ever_free(&self) -> Option<Guard<'_, Inner<B>, P>> {
        let entered = match self.inner.enter_at_once() {
            Ok(inner) => Some(inner),
            Err(contended) => self.inner.wait(contended),
        };
        entered.map(|inner| self.ready(inner))
    }

    pub(super) fn refuse(&self, refused: &LockRefused, caller: &Caller<'_, P>) {
        self.refused.count(refused);
        self.platform().on_lock_refused(refused, caller.frame_pointer);
        keep_frame();
    }
}

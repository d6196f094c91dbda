//! Blocks without a record: allocated below level `blocks`, or when there was no room for a record.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Caller, Inner, address_of};
use crate::backend::{Backend, Location};
use crate::bad_free::BadFree;
use crate::history::EventKind;
use crate::platform::Platform;

impl<B: Backend> Inner<B> {
    /// Frees a block that is not in the live map with the claimed layout: a block without a record, or a bad free.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn free_unrecorded<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claimed: Option<Layout>,
        caller: &Caller<'_, P>,
    ) -> Result<(), BadFree> {
        let address = address_of(block);
        if !self.live.is_clearly_empty()
            && let Some(record) = self.live.get(address)
        {
            let bad = BadFree::wrong_layout(record);
            return Err(self.refuse(bad, caller));
        }
        if B::REFUSES_WRONG_SIZES
            && let Some(claimed) = claimed
            && !self.has_owner(address)
            && let Some(Location::Live { start, layout }) =
                self.backend.as_ref().map(|backend| backend.locate(address))
            && start == address
            && !self.is_as_large_as(block, layout, claimed)
        {
            let bad = BadFree::wrong_unrecorded_layout(address, layout);
            return Err(self.refuse(bad, caller));
        }
        // SAFETY: the caller gives the block up.
        let Some(taken_bytes) = (unsafe { self.give_unrecorded(block, claimed) }) else {
            return Err(self.refuse(self.bad_free::<P>(address), caller));
        };
        self.count_free_of_unrecorded(address, taken_bytes, caller);
        Ok(())
    }

    /// Counts the free of a block without a record, and notes it in the history.
    pub(super) fn count_free_of_unrecorded<P: Platform>(
        &mut self,
        address: usize,
        taken_bytes: usize,
        caller: &Caller<'_, P>,
    ) {
        if self.is_counting {
            self.tallies.count_free(caller.platform.cpu(), taken_bytes);
            self.note(EventKind::Free, address, taken_bytes, Some(0), caller);
        } else if !B::KNOWS_LIVE {
            self.tallies.subtract_uncounted(taken_bytes);
        }
    }

    /// Gives a block without a record back to the backend; `None` if no live block starts there.
    ///
    /// # Safety
    ///
    /// The caller gives the block up, if it is one.
    unsafe fn give_unrecorded(&mut self, block: NonNull<u8>, claimed: Option<Layout>) -> Option<usize> {
        if self.has_owner(address_of(block)) {
            return None;
        }
        let backend = self.backend.as_mut()?;
        // SAFETY: upheld by the caller; the backend itself checks that it is a live block.
        if let Some(taken_bytes) = unsafe { backend.deallocate_unsized(block) } {
            return Some(taken_bytes);
        }
        // Only now, as finding a block takes longer than freeing it.
        if backend.locate(address_of(block)) != Location::Unsupported {
            return None;
        }
        let has_unrecorded = self.has_unrecorded();
        // SAFETY: upheld by the caller. The backend cannot check it, but there are blocks without a record, and the
        // caller knows this one's layout.
        claimed.filter(|_| has_unrecorded).map(|layout| unsafe { self.give_to_backend(block, layout) })
    }

    /// Whether there are live blocks without a record.
    pub(super) fn has_unrecorded(&mut self) -> bool {
        self.synchronise();
        self.tallies.live_blocks() > self.live.len() as u64
    }

    /// The layout of a live block without a record, if the backend knows it.
    pub(in super::super) fn unrecorded_layout(&self, address: usize) -> Option<Layout> {
        if self.has_owner(address) {
            return None;
        }
        match self.backend.as_ref()?.locate(address) {
            Location::Live { start, layout } if start == address => Some(layout),
            _ => None,
        }
    }
}

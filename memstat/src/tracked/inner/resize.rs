//! The parts of a reallocation that run under one lock: finding the block's layout, and resizing in place.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::claim::Claim;
use super::{Caller, Inner, address_of};
use crate::backend::{Backend, Location};
use crate::bad_free::BadFree;
use crate::guard::red_zones;
use crate::history::EventKind;
use crate::level::Level;
use crate::platform::Platform;
use crate::record::{Guarding, Record};

impl<B: Backend> Inner<B> {
    /// The layout of the live block at `block`, which `claim` must agree with.
    pub(in super::super) fn layout_of<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claim: impl Claim,
        caller: &Caller<'_, P>,
    ) -> Result<Layout, BadFree> {
        let address = address_of(block);
        if let Some(record) = self.live.get(address) {
            if claim.fits(record) {
                return Ok(record.layout());
            }
            let bad = BadFree::wrong_layout(record);
            return Err(self.refuse(bad, caller));
        }
        if self.has_owner(address) {
            return Err(self.refuse(self.bad_free(address), caller));
        }
        let location = self.backend.as_ref().map_or(Location::Unknown, |backend| backend.locate(address));
        let unrecorded = match (location, claim.layout()) {
            // Only the caller knows the layout.
            (Location::Unsupported, claimed) => claimed.filter(|_| self.has_unrecorded()),
            // The backend's layout is one that the block can be freed with. The caller's has the alignment that was
            // requested, but may be wrong, and a copy must not reach past the block.
            (Location::Live { start, layout }, Some(claimed)) if start == address => {
                if !self.is_as_large_as(block, layout, claimed) {
                    let bad = BadFree::wrong_unrecorded_layout(address, layout);
                    return Err(self.refuse(bad, caller));
                }
                Some(claimed)
            }
            (Location::Live { start, layout }, None) if start == address => Some(layout),
            _ => None,
        };
        unrecorded.ok_or_else(|| self.refuse(self.bad_free(address), caller))
    }

    /// Whether the live block at `block`, for which the backend reports the layout `own`, may have been allocated with the
    /// layout `claimed`: that would take as many bytes, and fits in them.
    fn is_as_large_as(&self, block: NonNull<u8>, own: Layout, claimed: Layout) -> bool {
        self.backend.as_ref().is_some_and(|backend| {
            let taken_bytes = backend.taken_size_bytes(block, own);
            claimed.size() <= taken_bytes && backend.taken_size_bytes(block, claimed) == taken_bytes
        })
    }

    /// Resizes the block in place, by a change of its record, if the backend would use the same memory for the new size.
    /// Returns whether it did.
    pub(in super::super) fn resize_in_place<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
        caller: &Caller<'_, P>,
    ) -> bool {
        let Ok(new) = Layout::from_size_align(new_size_bytes, old.align()) else { return false };
        let address = address_of(block);
        let guarding = self.live.get(address).map_or(Guarding::None, Record::guarding);
        // A sampled block must end or start at its page's edge, so it moves.
        if guarding == Guarding::Sampled && old.size() != new_size_bytes {
            return false;
        }
        let fits = self.backend.as_ref().is_some_and(|backend| {
            let usable = |layout| {
                red_zones::backend_layout(guarding, layout).map(|own| backend.usable_size_bytes(own))
            };
            usable(new) == usable(old)
        });
        if !fits {
            return false;
        }
        self.check_red_zones_at(address);
        let mut stacks = (0, 0);
        if let Some(old_stack) = self.live.get(address).map(Record::stack) {
            // The block is charged to the stack that requested the new size, as a block that moves is.
            let new_stack = if self.level >= Level::Stacks { self.capture(caller) } else { old_stack };
            stacks = (old_stack, new_stack);
            if let Some(record) = self.live.get_mut(address) {
                record.set_size_and_stack(new_size_bytes, new_stack);
                // SAFETY: the backend's block has as much memory as one for the new size, red zones included.
                unsafe { red_zones::write(record) };
            }
            self.tallies.subtract_recorded_bytes(old.size());
            self.lanes.settle(old_stack, &mut self.depot);
            self.lanes.settle(new_stack, &mut self.depot);
            self.tallies.add_recorded_bytes(new_size_bytes);
            if let Some(stack) = self.depot.get_mut(old_stack) {
                stack.subtract(old.size());
            }
            if let Some(stack) = self.depot.get_mut(new_stack) {
                stack.take_over(new_size_bytes);
            }
        }
        self.count_reallocation(caller.platform);
        self.note(EventKind::ReallocateFrom, address, old.size(), Some(stacks.0), caller);
        self.note(EventKind::Reallocate, address, new_size_bytes, Some(stacks.1), caller);
        true
    }

    pub(in super::super) fn count_reallocation(&mut self, platform: &impl Platform) {
        if self.is_counting {
            self.tallies.cpu_mut(platform.cpu()).reallocations += 1;
        }
    }
}

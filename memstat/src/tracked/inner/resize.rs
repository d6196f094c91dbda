//! The parts of a reallocation that run under one lock: finding the block's layout, and resizing in place.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::claim::Claim;
use super::{Caller, FastPath, Inner, address_of};
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
            return Err(self.refuse(self.bad_free::<P>(address), caller));
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
        unrecorded.ok_or_else(|| self.refuse(self.bad_free::<P>(address), caller))
    }

    /// Whether the live block at `block`, for which the backend reports the layout `own`, may have been allocated with the
    /// layout `claimed`: that would take as many bytes, and fits in them.
    pub(super) fn is_as_large_as(&self, block: NonNull<u8>, own: Layout, claimed: Layout) -> bool {
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
        self.note_new_size(address, old, new_size_bytes, caller);
        true
    }

    /// Records that a block has another size, at the same place.
    fn note_new_size<P: Platform>(
        &mut self,
        address: usize,
        old: Layout,
        new_size_bytes: usize,
        caller: &Caller<'_, P>,
    ) {
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
            if P::LANES > 1 {
                self.lanes.settle(old_stack, &mut self.depot);
                self.lanes.settle(new_stack, &mut self.depot);
            }
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
    }

    /// Whether the backend may be asked for just what the caller wants: nothing is to be written to blocks or around
    /// them, none is to lie elsewhere, or to fail.
    pub(in super::super) fn may_forward(&self) -> bool {
        !self.is_guarding && !self.is_sampling && !self.is_injecting_faults
    }

    /// Resizes a block by the backend at levels where nothing is recorded; `None` if that is not so, or there is no
    /// memory: nothing has changed then.
    ///
    /// # Safety
    ///
    /// As for [`Backend::grow`].
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    pub(in super::super) unsafe fn resize_unrecorded(
        &mut self,
        block: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
        platform: &impl Platform,
    ) -> Option<NonNull<u8>> {
        let path = self.free_path;
        if path < FastPath::Count {
            return None;
        }
        let new = Layout::from_size_align(new_size_bytes, old.align()).ok()?;
        // SAFETY: upheld by the caller.
        let (resized, before_bytes, after_bytes) = unsafe { self.ask_for_resize(block, old, new) }?;
        if path == FastPath::Count && resized != block {
            let cpu = platform.cpu();
            self.tallies.count_free(cpu, before_bytes);
            self.tallies.count_allocation(cpu, new_size_bytes, after_bytes);
        } else if path == FastPath::Count || !B::KNOWS_LIVE {
            self.tallies.change_taken_bytes(before_bytes, after_bytes);
        }
        if path == FastPath::Count {
            self.count_reallocation(platform);
        }
        Some(resized)
    }

    /// Resizes a block by the backend, which may move it; `None` if the backend may not be asked, or has no memory:
    /// nothing has changed then.
    ///
    /// # Safety
    ///
    /// `old` is the layout of the live block, which its owner gives up if it moves.
    pub(in super::super) unsafe fn resize_by_backend<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        old: Layout,
        new_size_bytes: usize,
        caller: &Caller<'_, P>,
    ) -> Option<NonNull<u8>> {
        let new = Layout::from_size_align(new_size_bytes, old.align()).ok()?;
        let address = address_of(block);
        let is_guarded = self.live.get(address).is_some_and(|record| record.guarding() != Guarding::None);
        if is_guarded || !self.may_forward() {
            return None;
        }
        // SAFETY: upheld by the caller.
        let (resized, before_bytes, after_bytes) = unsafe { self.ask_for_resize(block, old, new) }?;
        if resized == block {
            if self.is_counting || !B::KNOWS_LIVE {
                self.tallies.change_taken_bytes(before_bytes, after_bytes);
            }
            self.note_new_size(address, old, new_size_bytes, caller);
            return Some(block);
        }
        self.account_moved(block, before_bytes, resized, after_bytes, new, caller);
        self.count_reallocation(caller.platform);
        Some(resized)
    }

    /// Counts and records that the backend has moved a block: a free and an allocation.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn account_moved<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        before_bytes: usize,
        moved: NonNull<u8>,
        after_bytes: usize,
        new: Layout,
        caller: &Caller<'_, P>,
    ) {
        let (address, platform) = (address_of(block), caller.platform);
        match self.live.remove_if(address, |_| true, &mut self.arena, platform) {
            Some(record) => {
                self.count_free_of(&record, before_bytes, platform);
                self.note_free_of(&record, caller);
                self.note_move_from(address, caller);
            }
            None => self.count_free_of_unrecorded(address, before_bytes, caller),
        }
        self.account(moved, after_bytes, new, Guarding::None, None, caller);
        if self.live.len() == 0 && self.level < Level::Blocks {
            self.choose_steps();
        }
    }

    /// Calls the backend. Returns where the block is then, and how many bytes it took before and takes now.
    ///
    /// # Safety
    ///
    /// As for [`Backend::grow`], but that the new size may also be smaller.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the fast path")]
    pub(in super::super) unsafe fn ask_for_resize(
        &mut self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<(NonNull<u8>, usize, usize)> {
        // SAFETY: whatever is live came from the backend.
        let backend = unsafe { self.backend.as_mut().unwrap_unchecked() };
        let before_bytes = backend.taken_size_bytes(block, old);
        let is_growth = new.size() >= old.size();
        // SAFETY: upheld by the caller.
        let resized = unsafe {
            if is_growth { backend.grow(block, old, new) } else { backend.shrink(block, old, new) }
        }?;
        Some((resized.cast(), before_bytes, resized.len()))
    }

    pub(in super::super) fn count_reallocation(&mut self, platform: &impl Platform) {
        if self.is_counting {
            self.tallies.cpu_mut(platform.cpu()).reallocations += 1;
        }
    }
}

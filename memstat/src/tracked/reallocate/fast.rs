//! The fast path of a reallocation, under the lock: the backend resizes the block, and its record is found once.
//!
//! To allocate, copy and free takes three searches of the live map, and moves a record; this takes one, and leaves the
//! record where it is: 230 instructions fewer at level `blocks`.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::super::inner::{Caller, Claim, FastPath, Inner};
use crate::backend::Backend;
use crate::history::{Event, EventKind};
use crate::platform::Platform;
use crate::record::{Guarding, Origin, Record};
use crate::stacks::{MAX_FRAMES, Stack};

impl<B: Backend> Inner<B> {
    /// Has the backend resize a recorded block, as far as that needs nothing but what is at hand. `None` if it did not: the
    /// block is as before then.
    ///
    /// # Safety
    ///
    /// As for [`Backend::grow`], if the block is live, with that layout.
    pub(super) unsafe fn resize_at_hand<P: Platform>(
        &mut self,
        block: NonNull<u8>,
        claimed: Layout,
        new_size_bytes: usize,
        caller: &Caller<'_, P>,
    ) -> Option<NonNull<u8>> {
        let path = self.free_path;
        let is_plain = matches!(path, FastPath::Blocks | FastPath::Stacks | FastPath::Full);
        if FastPath::IS_SMALL || !is_plain || self.allocation_path != path || !B::HAS_RESIZE {
            return None;
        }
        if path == FastPath::Full && !self.history.has_room_for_two() {
            return None;
        }
        let mut stack = self.depot.nobody();
        if path != FastPath::Blocks {
            stack = self.depot.recall::<P, MAX_FRAMES>(caller.frame_pointer, caller.platform)?;
        }
        let found = self.live.find_fast::<P>(block.as_ptr() as usize)?;
        let old = found.entry.record;
        if !claimed.fits(&old) || !old.is_guarded_as(Guarding::None) {
            return None;
        }
        let new = Layout::from_size_align(new_size_bytes, claimed.align()).ok()?;
        // SAFETY: the live map has the block, with this layout; the caller gives it up if it moves.
        let (resized, before_bytes, after_bytes) = unsafe { self.ask_for_resize(block, claimed, new) }?;
        self.count_reallocation(caller.platform);
        // SAFETY: stacks stay where they are, and nothing else refers to this one now.
        let number = if path == FastPath::Blocks { 0 } else { unsafe { stack.as_ref() }.number() };
        if resized == block {
            self.tallies.change_taken_bytes(before_bytes, after_bytes);
            // At level `blocks` the block stays with the stack that it may have from another level.
            let stack = if path == FastPath::Blocks { old.stack() } else { number };
            // SAFETY: found just now, and nobody else refers to it.
            unsafe { &mut *found.entry.place }.set_size_and_stack(new_size_bytes, stack);
            self.note_in_place(path, &old, new_size_bytes, stack, caller.platform);
            return Some(block);
        }
        // At level `full` the free has a number of its own.
        let latest = self.sequence + if path == FastPath::Full { 2 } else { 1 };
        let record = Record::new(resized, new, &Origin::now(latest, number, caller.platform));
        if !self.live.relocate(found, record, &mut self.arena, caller.platform) {
            self.account_moved(block, before_bytes, resized, after_bytes, new, caller);
            return Some(resized);
        }
        self.tallies.count_free(caller.platform.cpu(), before_bytes);
        self.tallies.count_allocation(caller.platform.cpu(), new_size_bytes, after_bytes);
        self.tallies.subtract_recorded_bytes(old.size_bytes());
        self.tallies.add_recorded_bytes(new_size_bytes);
        self.note_moved(path, &old, &record, stack, caller.platform);
        self.sequence = latest;
        Some(resized)
    }

    /// Charges a block that has another size, at the same place, and writes the events.
    fn note_in_place(
        &mut self,
        path: FastPath,
        old: &Record,
        new_size_bytes: usize,
        stack: u16,
        platform: &impl Platform,
    ) {
        self.tallies.subtract_recorded_bytes(old.size_bytes());
        self.tallies.add_recorded_bytes(new_size_bytes);
        if let Some(stack) = self.depot.get_mut(old.stack()) {
            stack.subtract(old.size_bytes());
        }
        if let Some(stack) = self.depot.get_mut(stack) {
            stack.take_over(new_size_bytes);
        }
        if path != FastPath::Full {
            return;
        }
        for (kind, size_bytes, stack) in [
            (EventKind::ReallocateFrom, old.size_bytes(), old.stack()),
            (EventKind::Reallocate, new_size_bytes, stack),
        ] {
            self.sequence += 1;
            let origin = Origin::now(self.sequence, stack, platform);
            self.history.put(Event::new(kind, old.address(), size_bytes, &origin));
        }
    }

    /// Charges a block that has moved, remembers who freed its old place, and writes the events.
    fn note_moved(
        &mut self,
        path: FastPath,
        old: &Record,
        new: &Record,
        mut stack: NonNull<Stack>,
        platform: &impl Platform,
    ) {
        if let Some(stack) = self.depot.get_mut(old.stack()) {
            stack.subtract(old.size_bytes());
        }
        if path == FastPath::Blocks {
            return;
        }
        // SAFETY: stacks stay where they are, and nothing else refers to this one now.
        let stack = unsafe { stack.as_mut() };
        stack.add(new.size_bytes());
        let free = Origin::now(self.sequence + 1, old.stack(), platform);
        let mut callers = stack.frames().iter().copied();
        self.recent_frees.note(old, &free, [(); 2].map(|()| callers.next().unwrap_or(0)));
        if path == FastPath::Full {
            self.history.put(Event::of_free(old, &free));
            self.history.put(Event::of_block(EventKind::Allocate, new));
        }
    }
}

//! The path of an allocation, from top to bottom.
//!
//! [`Tracked::allocate`] is inlined into its caller and does there what levels `off` and `counters` ask for: that saves
//! no registers, which is 14 instructions. What is recorded is recorded by `allocate_recorded`, as long as the backend
//! has a block at hand, the call stack is the one that was seen just before, and nothing of the tracker's has to grow:
//! it calls nothing. Whatever else there is to do, `allocate_slowly` does. The lock is held from the function that
//! enters it to the one that comes last.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Tracked;
use super::inner::{Caller, Inner, Steps, Untold};
use crate::backend::Backend;
use crate::guard::{Wanted, zones};
use crate::history::{Event, EventKind};
use crate::lock::Guard;
use crate::platform::Platform;
use crate::record::{Guarding, Origin, Record};

/// In a frame pointer's place: that of the function itself. A reallocation hands its own on instead.
pub(super) const OWN_FRAME: usize = 0;

/// How far the fast path came.
enum Progress {
    /// To the end.
    Done(NonNull<u8>),
    /// To a block of the backend's that is not yet counted nor recorded.
    Taken(NonNull<[u8]>),
    /// Nowhere.
    Nothing,
}

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Allocates a block. `None` when the backend has none; that is counted as a failure. `None` also where waiting for
    /// the lock would never end, which the platform is told, see [`Platform::is_lock_held_here`].
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_for(layout, OWN_FRAME)
    }

    /// The same for a caller whose frame is known.
    #[expect(clippy::inline_always, reason = "the fast path; and the frame must be the caller's")]
    #[inline(always)]
    pub(super) fn allocate_for(&self, layout: Layout, frame_pointer: usize) -> Option<NonNull<u8>> {
        let mut inner = match self.inner.enter_at_once() {
            Ok(inner) => inner,
            Err(contended) => return self.allocate_later(contended, layout, frame_pointer),
        };
        let steps = inner.allocation_steps;
        if steps > Steps::COUNT {
            // Of the two copies the plain one takes MEASURED instructions less.
            return if steps == Steps::BLOCKS {
                self.allocate_recorded::<false>(layout, inner, frame_pointer)
            } else {
                self.allocate_recorded::<true>(layout, inner, frame_pointer)
            };
        }
        match inner.allocate_unrecorded(layout, steps, self.platform()) {
            Some(block) => Some(block),
            None => self.allocate_elsewhere(layout, inner, frame_pointer),
        }
    }

    /// Allocates and records, as long as nothing has to grow.
    #[inline(never)]
    fn allocate_recorded<const EXTRAS: bool>(
        &self,
        layout: Layout,
        mut inner: Guard<'_, Inner<B>, P>,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        let platform = self.platform();
        let own_frame = || self.caller_at(frame_pointer).frame_pointer;
        let taken = match inner.allocate_at_hand::<P, EXTRAS>(layout, own_frame, platform) {
            Progress::Done(block) => return Some(block),
            Progress::Taken(block) => Some(block),
            Progress::Nothing => None,
        };
        self.allocate_slowly(taken, layout, inner, own_frame())
    }

    /// The continuation where nothing is recorded.
    #[cold]
    #[inline(never)]
    fn allocate_elsewhere(
        &self,
        layout: Layout,
        inner: Guard<'_, Inner<B>, P>,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        let caller = self.caller_at(frame_pointer);
        self.allocate_slowly(None, layout, inner, caller.frame_pointer)
    }

    /// Allocates, whatever that takes; `taken` is what the backend has given already.
    #[cold]
    #[inline(never)]
    pub(super) fn allocate_slowly(
        &self,
        taken: Option<NonNull<[u8]>>,
        layout: Layout,
        mut inner: Guard<'_, Inner<B>, P>,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        let allocated = inner.allocate(taken, layout, &Caller { frame_pointer, platform: self.platform() });
        let has_findings = !inner.guards.findings.is_empty();
        drop(inner);
        if has_findings {
            self.tell_findings(frame_pointer);
        }
        match allocated {
            Ok(Some(block)) => Some(block),
            Ok(None) => {
                self.platform().allocation_failed(layout, frame_pointer);
                None
            }
            // What is in quarantine had to wait for that. Now it can go.
            Err(Untold) => {
                self.flush_quarantine_for(frame_pointer);
                self.allocate_slowly(None, layout, self.enter(), frame_pointer)
            }
        }
    }
}

impl<B: Backend> Inner<B> {
    /// Allocates where nothing is recorded, if the backend has a block at hand. The backend is called in two places, so
    /// that it need not be asked for the level again behind it.
    #[expect(clippy::inline_always, reason = "the fast path, which saves no registers")]
    #[inline(always)]
    fn allocate_unrecorded(
        &mut self,
        layout: Layout,
        steps: Steps,
        platform: &impl Platform,
    ) -> Option<NonNull<u8>> {
        if steps == Steps::COUNT {
            // SAFETY: the steps are such only once there is a quick backend.
            let block = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_quickly(layout) }?;
            self.tallies.count_allocation(platform.cpu(), layout.size(), block.len());
            return Some(block.cast());
        }
        // SAFETY: as above.
        let block = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_quickly(layout) }?;
        Some(block.cast())
    }

    /// Allocates and records. What `EXTRAS` are not there for is level `blocks` without guards.
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    fn allocate_at_hand<P: Platform, const EXTRAS: bool>(
        &mut self,
        layout: Layout,
        frame_pointer: impl Fn() -> usize,
        platform: &P,
    ) -> Progress {
        let Self { depot, history, guards, live, tallies, sequence, .. } = self;
        let steps = if EXTRAS { self.allocation_steps } else { Steps::BLOCKS };
        let (mut own_layout, mut front_bytes, mut guarding) = (layout, 0, Guarding::None);
        if steps.has(Steps::RARE) {
            let is_due = steps.has(Steps::SAMPLE) && guards.pool.count_down();
            if is_due || steps.has(Steps::SLOW) || steps.has(Steps::EVENT) && !history.has_room() {
                return Progress::Nothing;
            }
            guarding = steps.guarding();
            if guarding != Guarding::None {
                let Some(small) = zones::small_layout(guarding, layout) else { return Progress::Nothing };
                (own_layout, front_bytes) = small;
            }
        }
        let mut stack = None;
        if steps.has(Steps::STACK) {
            let span = platform.stack_quickly(frame_pointer());
            stack = span.and_then(|span| depot.recall(&span, platform));
            if stack.is_none() {
                return Progress::Nothing;
            }
        }
        // SAFETY: the steps are such only once there is a quick backend.
        let own = unsafe { self.backend.as_mut().unwrap_unchecked().allocate_quickly(own_layout) };
        let Some(own) = own else { return Progress::Nothing };
        // SAFETY: the backend's block has the zone before the caller's, and more.
        let block = unsafe { own.cast::<u8>().add(front_bytes) };
        let mut record = Record::EMPTY;
        let is_recorded = live.insert_quickly(block.as_ptr() as usize, || {
            *sequence += 1;
            let number = stack.as_ref().map_or(0, |stack| stack.number());
            record = Record::new(block, layout, &Origin::now(*sequence, number, platform)).with_guarding(guarding);
            record
        });
        if !is_recorded {
            return Progress::Taken(own);
        }
        tallies.count_allocation(platform.cpu(), layout.size(), own.len());
        tallies.add_recorded_bytes(layout.size());
        if let Some(stack) = stack {
            stack.add(layout.size());
        }
        if steps.has(Steps::RARE) {
            if steps.has(Steps::EVENT) {
                history.put(Event::of_block(EventKind::Allocate, &record));
            }
            if guarding != Guarding::None {
                guards.statistics.guarded_blocks += 1;
                // SAFETY: a fresh block with these zones.
                unsafe { zones::write_as(guarding, block.as_ptr(), layout.size()) };
            }
            if steps.has(Steps::FULL_GUARD) {
                // SAFETY: a fresh block.
                unsafe { zones::fill(block.as_ptr(), layout.size(), zones::FRESH) };
            }
        }
        Progress::Done(block)
    }

    /// Allocates, at any level. An error says that blocks in quarantine could make room, once what was found is told.
    fn allocate<P: Platform>(
        &mut self,
        mut taken: Option<NonNull<[u8]>>,
        layout: Layout,
        caller: &Caller<'_, P>,
    ) -> Result<Option<NonNull<u8>>, Untold> {
        let is_begun = taken.is_some();
        if !is_begun
            && self.may_fail_on_purpose
            && caller.platform.should_fail(layout.size(), caller.frame_pointer)
        {
            self.fail(layout.size(), caller);
            return Ok(None);
        }
        if !is_begun
            && self.is_sampling
            && self.guards.pool.take_turn()
            && let Some(block) = self.allocate_sampled(layout, caller)
        {
            return Ok(Some(block));
        }
        let mut wanted = Wanted::plain(layout);
        if self.is_guarding {
            wanted = self.guards.wanted(layout);
        }
        loop {
            let own = taken.take();
            let own = own.or_else(|| self.backend.as_mut().and_then(|backend| backend.allocate(wanted.layout)));
            let Some(own) = own else {
                if let Some(other) = self.make_memory(wanted, layout, caller.platform)? {
                    wanted = other;
                    continue;
                }
                self.fail(layout.size(), caller);
                return Ok(None);
            };
            // SAFETY: the backend's block has the zone before the caller's, and more.
            let block = unsafe { own.cast::<u8>().add(wanted.front_bytes) };
            if self.account(block, own.len(), layout, wanted.guarding, caller) {
                return Ok(Some(block));
            }
            // SAFETY: allocated just now with this layout, and nobody knows it.
            unsafe { self.give_to_backend(own.cast(), wanted.layout) };
            wanted = Wanted::plain(layout);
        }
    }
}

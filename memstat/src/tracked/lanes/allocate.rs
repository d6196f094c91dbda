//! An allocation in a lane.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Plan;
use super::worker::Worker;
use crate::backend::Backend;
use crate::history::{Event, EventKind};
use crate::lock::NoLane;
use crate::platform::Platform;
use crate::record::{Origin, Record};
use crate::refused::LockRefused;
use crate::stacks::{MAX_FRAMES, Stack};
use crate::tracked::Tracked;
use crate::tracked::allocate::Begun;
use crate::tracked::inner::{Caller, Inner};

/// What a lane could not do: that is for who stops all of them. The block, if there is one, is neither counted nor
/// recorded yet.
struct Alone(Option<NonNull<u8>>);

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// As [`Tracked::allocate`].
    #[inline(never)]
    pub(in super::super) fn allocate_in_lane(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_in_lane_for(layout, self.platform().frame_pointer())
    }

    /// The same, for a caller whose frame is known.
    #[expect(clippy::inline_always, reason = "on the fast path")]
    #[inline(always)]
    pub(super) fn allocate_in_lane_for(&self, layout: Layout, frame_pointer: usize) -> Option<NonNull<u8>> {
        let mut worker = match self.inner.enter_lane() {
            Ok(lane) => Worker::new(lane),
            Err(no_lane) => match self.work_later(no_lane) {
                Some(worker) => worker,
                None => return self.allocate_without_lane(layout, frame_pointer),
            },
        };
        match worker.allocate(layout, frame_pointer) {
            Ok(block) => Some(block),
            Err(Alone(taken)) => {
                drop(worker);
                self.allocate_alone(taken, layout, frame_pointer)
            }
        }
    }

    /// Waits for the lane, or makes it. `None` if there is none, as there is no memory for it or this is the only CPU or
    /// thread that has come yet, or waiting would never end.
    #[cold]
    #[inline(never)]
    pub(super) fn work_later(&self, no_lane: NoLane) -> Option<Worker<'_, B, P>> {
        if let NoLane::Contended(contended) = no_lane {
            return self.inner.wait_for_lane(contended).map(Worker::new);
        }
        let mut guard = self.enter_if_ever_free()?;
        if self.inner.is_owner() {
            return None;
        }
        let inner: &mut Inner<B> = &mut guard;
        // SAFETY: a slot stays where it is for ever.
        unsafe { self.inner.add_lane(|number| inner.make_slot(number, self.platform())) };
        drop(guard);
        self.inner.enter_lane().ok().map(Worker::new)
    }

    #[cold]
    #[inline(never)]
    fn allocate_without_lane(&self, layout: Layout, frame_pointer: usize) -> Option<NonNull<u8>> {
        if let Some(inner) = self.enter_if_ever_free() {
            return self.allocate_slowly(Begun::taken(None), layout, inner, frame_pointer);
        }
        let caller = Caller { frame_pointer, platform: self.platform() };
        self.refuse(&LockRefused::Allocate(layout), &caller);
        None
    }

    #[cold]
    #[inline(never)]
    fn allocate_alone(
        &self,
        taken: Option<NonNull<u8>>,
        layout: Layout,
        frame_pointer: usize,
    ) -> Option<NonNull<u8>> {
        let mut inner = self.enter();
        if taken.is_none() && inner.is_sampling {
            inner.guards.pool.count_down();
        }
        self.allocate_slowly(Begun::taken(taken), layout, inner, frame_pointer)
    }
}

impl<B: Backend, P: Platform> Worker<'_, B, P> {
    #[expect(clippy::inline_always, reason = "called in one place, on the fast path")]
    #[inline(always)]
    fn allocate(&mut self, layout: Layout, frame_pointer: usize) -> Result<NonNull<u8>, Alone> {
        let plan = self.common.plan();
        if !plan.has(Plan::ALLOCATE) {
            return Err(Alone(None));
        }
        let own = self.common.take_block(layout).ok_or(Alone(None))?;
        let (block, taken_bytes) = (own.cast(), own.len());
        if plan.has(Plan::RECORD) {
            let stack = if plan.has(Plan::STACK) { self.stack::<MAX_FRAMES>(frame_pointer) } else { 0 };
            if !self.record(block, layout, stack, plan) {
                return Err(Alone(Some(block)));
            }
            self.charge(stack, |charge| charge.add(layout.size()));
            self.body.kept.add_recorded(layout.size());
        }
        if plan.has(Plan::COUNT) {
            self.body.tallies.count_allocation(layout.size());
        }
        if plan.has(Plan::COUNT) || !B::KNOWS_LIVE {
            self.body.kept.add(taken_bytes);
            self.settle_counts();
        }
        Ok(block)
    }

    /// The number of the caller's stack; 0 if there is none, or no room.
    #[inline]
    pub(super) fn stack<const MAX: usize>(&mut self, frame_pointer: usize) -> u16 {
        let known = self.body.recent_stacks.recall::<P, MAX>(frame_pointer, self.common.platform);
        let stack = match known {
            Some(known) => Some(known),
            None => self.look_stack_up::<MAX>(frame_pointer),
        };
        // SAFETY: stacks stay where they are for ever, and do not change while lanes are at work.
        stack.map_or(0, |stack| unsafe { stack.as_ref() }.number())
    }

    #[cold]
    #[inline(never)]
    fn look_stack_up<const MAX: usize>(&mut self, frame_pointer: usize) -> Option<NonNull<Stack>> {
        let platform = self.common.platform;
        let span = Caller { frame_pointer, platform }.stack()?;
        let recent = &mut self.body.recent_stacks;
        self.common
            .with_depot(|depot, arena| depot.capture_for_lane::<MAX, _>(&span, recent, arena, platform))
    }

    /// Enters a new block in the live map and the history; false if there is no room for its record.
    #[inline]
    fn record(&mut self, block: NonNull<u8>, layout: Layout, stack: u16, plan: Plan) -> bool {
        let platform = self.common.platform;
        if plan.has(Plan::EVENT) {
            let (body, common) = (&mut *self.body, &self.common);
            let mut origin = Origin::now(0, stack, platform);
            let entered = common.enter_with(block.as_ptr() as usize, |clock| {
                origin.sequence = body.number_event(clock, common.numbering());
                Record::new(block, layout, &origin)
            });
            if let Some(record) = entered {
                self.write(Event::of_block(EventKind::Allocate, &record));
            }
            return entered.is_some();
        }
        let sequence = self.next_sequence();
        self.common.enter(Record::new(block, layout, &Origin::now(sequence, stack, platform)))
    }
}

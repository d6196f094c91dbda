//! Whole reports in one call each: totals, the call stacks that hold most, and what has grown since a mark.
//!
//! They read the tracker step by step, and hold its lock for one call stack at a time. Addresses are named by
//! [`Hooks::write_address`](crate::Hooks::write_address).

use core::fmt;

use super::{DumpFrame, DumpOptions, DumpParts, Rank, StackTotals, dump, write_summary};
use crate::backend::Backend;
use crate::guard_level::GuardLevel;
use crate::level::Level;
use crate::platform::{FirstUse, NameFunctions, Platform};
use crate::snapshot::{Change, StackChange, StacksMark, TopChanges};
use crate::stacks::Stack;
use crate::tracked::Tracked;

/// Call stacks that a report shows.
const MAX_STACKS: usize = 10;

/// Writes the counters, and since when each kind of figure counts; `name` is the heap's.
///
/// # Errors
///
/// The writer's own.
pub fn write_totals<B: Backend, P: Platform>(
    heap: &Tracked<B, P>,
    name: &str,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    let to_ns = |stamp| heap.platform().stamp_to_ns(stamp);
    write_summary(name, heap.level(), &heap.counters(), &heap.statistics().since(), to_ns, out)
}

/// Writes the ten call stacks with the most live bytes, frame by frame.
///
/// # Errors
///
/// The writer's own.
pub fn write_top_stacks<B: Backend, P: Platform>(
    heap: &Tracked<B, P>,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    for (number, stack) in heap.stacks().top::<MAX_STACKS>(Rank::LiveBytes).iter() {
        writeln!(out, "{}", StackTotals { number: *number, stack, taken_bytes: None })?;
        write_frames(heap, stack, out)?;
    }
    write_what_is_missing(heap, out)
}

/// Writes by how much each call stack has grown since `mark`, which [`LeaksView::mark`](crate::LeaksView::mark) has set: at
/// most the ten that grew most, and the sums. A block that has replaced an older one of the same stack is no growth.
///
/// # Errors
///
/// The writer's own.
pub fn write_leaks_since<B: Backend, P: Platform>(
    heap: &Tracked<B, P>,
    mark: &StacksMark,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    let mut top = TopChanges::<MAX_STACKS>::new(false);
    let now = heap.leaks().snapshot();
    for number in 1..=now.stack_count {
        let Some(change) = heap.leaks().change_since(mark, number) else {
            return writeln!(out, "a later mark was set: what has grown since this one is not known");
        };
        top.add(StackChange { number, change, ..StackChange::default() });
    }
    for row in top.iter() {
        let Change { bytes, blocks } = row.change;
        writeln!(out, "{bytes:+} bytes, {blocks:+} blocks: stack {}", row.number)?;
        if let Some(stack) = heap.stacks().get(row.number) {
            write_frames(heap, &stack, out)?;
        }
    }
    let hidden = top.grown.stacks.saturating_sub(top.iter().count());
    if hidden > 0 {
        writeln!(out, "not shown: {hidden} stacks that grew less")?;
    }
    let total = Change::between(mark.snapshot().recorded, now.recorded);
    writeln!(out, "total: {:+} bytes, {:+} blocks", total.bytes, total.blocks)?;
    if top.shrunk.stacks > 0 {
        let Change { bytes, blocks } = top.shrunk.change;
        writeln!(out, "shrank: {} stacks, {bytes:+} bytes, {blocks:+} blocks", top.shrunk.stacks)?;
    }
    let unrecorded = now.unrecorded_blocks as i64 - mark.snapshot().unrecorded_blocks as i64;
    if unrecorded != 0 {
        writeln!(out, "not recorded: {unrecorded:+} blocks")?;
    }
    if now.level >= Level::Stacks && !now.has_all_stacks_since(mark.snapshot()) {
        writeln!(out, "the level was below stacks meanwhile: some blocks have no call stack")?;
    }
    write_what_is_missing(heap, out)
}

fn write_frames<B: Backend, P: Platform>(
    heap: &Tracked<B, P>,
    stack: &Stack,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    stack.frames().iter().try_for_each(|frame| {
        out.write_str("    ")?;
        heap.platform().write_address(*frame, out)?;
        out.write_str("\n")
    })
}

/// Why call stacks are missing, or short.
fn write_what_is_missing<B: Backend, P: Platform>(
    heap: &Tracked<B, P>,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    let level = heap.level();
    if level < Level::Stacks {
        return writeln!(out, "no call stacks: the level is {level}, and they are recorded from stacks on");
    }
    if !heap.stacks().has_frame_pointers() {
        return writeln!(
            out,
            "call stacks are short or missing: this program has no frame pointers; compile it with \
             -Cforce-frame-pointers=yes"
        );
    }
    Ok(())
}

impl<B: Backend, P: Platform> FirstUse for Tracked<B, P> {
    fn set_up(&self, level: Level, guard: GuardLevel, history_events: Option<usize>) {
        if let Some(events) = history_events {
            self.history().set_capacity(events);
        }
        self.set_level(level);
        self.guards().set_level(guard);
    }

    fn hold(&self) {
        self.hold_lock();
    }

    unsafe fn release(&self) {
        // SAFETY: upheld by the caller.
        unsafe { self.release_lock() };
    }

    fn write_stack(&self, number: u16, out: &mut dyn fmt::Write) -> fmt::Result {
        self.stacks().get(number).map_or(Ok(()), |stack| write_frames(self, &stack, out))
    }

    fn write_report(&self, name: &str, out: &mut dyn fmt::Write) -> fmt::Result {
        write_totals(self, name, out)?;
        write_top_stacks(self, out)
    }

    fn write_dump(
        &self,
        program: &str,
        load_offset: usize,
        names: &NameFunctions<'_>,
        out: &mut dyn fmt::Write,
    ) -> fmt::Result {
        let frames = |address, visit: &mut dyn FnMut(&DumpFrame<'_>)| {
            names(address, &mut |function| visit(&DumpFrame { function, file: "", line: 0 }));
        };
        let parts = DumpParts::History;
        let options =
            DumpOptions { program, load_offset, parts, names: Some(&frames), ..DumpOptions::default() };
        dump(self, &options, out)
    }
}

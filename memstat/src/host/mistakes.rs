//! What the program does wrong with its memory, told at once on the standard error: frees that were refused, and writes
//! outside of blocks that the heap checks have found; each with the call stacks that are known.

use core::fmt::{self, Display};
use core::sync::atomic::{AtomicU32, Ordering};

use super::{fork, report, stack, symbols};
use crate::bad_free::BadFree;
use crate::corruption::Corruption;
use crate::platform::FirstUse;
use crate::record::Record;
use crate::stacks::walk;

/// Mistakes that are told. Those that come later are counted only: a program may make the same one for ever.
const MAX_TOLD: u32 = 50;
/// Frames of the call stack that made the mistake.
const FRAMES: usize = 16;

static TOLD: AtomicU32 = AtomicU32::new(0);

/// Tells of a free or a reallocation that was refused.
#[cold]
#[inline(never)]
pub(super) fn tell_bad_free(tracker: &dyn FirstUse, bad: &BadFree, frame_pointer: usize) {
    tell(Some(tracker), bad, bad.block.as_ref(), bad.free.as_ref(), frame_pointer);
}

/// Tells of a block that was written to by somebody that should not have.
#[cold]
#[inline(never)]
pub(super) fn tell_corruption(corruption: &Corruption, frame_pointer: usize) {
    fork::with_only_tracker(|tracker| {
        tell(tracker, corruption, Some(&corruption.block), corruption.free.as_ref(), frame_pointer);
    });
}

fn tell(
    tracker: Option<&dyn FirstUse>,
    what: &dyn Display,
    block: Option<&Record>,
    free: Option<&Record>,
    frame_pointer: usize,
) {
    let told = TOLD.fetch_add(1, Ordering::Relaxed);
    if told < MAX_TOLD {
        report::warn(format_args!("memstat: {what}\n{}", Stacks { tracker, block, free, frame_pointer }));
    } else if told == MAX_TOLD {
        report::warn(format_args!("memstat: {MAX_TOLD} mistakes were told; further ones are only counted\n"));
    }
}

/// The call stacks of a mistake.
struct Stacks<'a> {
    tracker: Option<&'a dyn FirstUse>,
    block: Option<&'a Record>,
    free: Option<&'a Record>,
    frame_pointer: usize,
}

impl Display for Stacks<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(span) = stack::known(self.frame_pointer).or_else(|| stack::find(self.frame_pointer)) {
            writeln!(out, "  found by")?;
            let frames = walk::innermost::<FRAMES>(&span, symbols::is_allocator_code);
            for frame in frames.into_iter().take_while(|frame| *frame != 0) {
                out.write_str("    ")?;
                symbols::write(frame, out)?;
                out.write_str("\n")?;
            }
        }
        for (title, record) in [("allocated by", self.block), ("freed by", self.free)] {
            let number = record.map_or(0, Record::stack);
            if let Some(tracker) = self.tracker.filter(|_| number != 0) {
                writeln!(out, "  {title}")?;
                tracker.write_stack(number, out)?;
            }
        }
        Ok(())
    }
}

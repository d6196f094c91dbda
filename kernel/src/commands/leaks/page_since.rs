//! The part of `leaks since` and `diff` about pages: by how much the runs of each call stack have grown, but for the
//! heap's own, whose blocks are listed before.

use memstat::report::Growth;
use memstat::{Change, StackChange, StackUsage, TopChanges};
use shell::Session;

use super::changes::{Count, MAX_ROWS};
use crate::memory::ledger::Ledger;
use crate::memory::report::shown_frames;
use crate::symbols::StackFrame;

/// Writes the `rows` call stacks whose pages grew most, and the total; nothing if none has changed. `last` is the
/// highest number of a stack, and `usage` says what one had before and has now.
pub(super) fn show(
    session: &mut Session,
    rows: usize,
    last: u16,
    usage: impl Fn(u16) -> (StackUsage, StackUsage),
) {
    let mut top = TopChanges::<MAX_ROWS>::new(false);
    let mut total = Change::default();
    for number in 0..=last {
        let (before, after) = usage(number);
        let change = Change::between(before, after);
        total.bytes += change.bytes;
        total.blocks += change.blocks;
        top.add(StackChange { number, change, new: Growth::default() });
    }
    if top.grown.stacks == 0 && top.shrunk.stacks == 0 {
        return;
    }
    let mut shown = 0;
    for row in top.iter().take(rows) {
        match Ledger::Pages.stack(row.number) {
            Some(stack) => {
                session.print(format_args!("{} taken by:\n", Signed(row.change)));
                for frame in shown_frames(&stack) {
                    session.print(format_args!("    {}\n", StackFrame(frame)));
                }
            }
            None => session.print(format_args!("{} without a call stack\n", Signed(row.change))),
        }
        if session.is_interrupted() {
            return;
        }
        shown += 1;
    }
    session.print(format_args!("pages outside the heap: {}\n", Signed(total)));
    let hidden = top.grown.stacks.saturating_sub(shown);
    if hidden > 0 {
        let stacks = Count(hidden as u64, "stack");
        session.print(format_args!("not shown: {stacks} whose pages grew less; see -n\n"));
    }
}

/// `+8192 bytes, +2 runs`.
struct Signed(Change);

impl core::fmt::Display for Signed {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{:+} bytes, {:+} runs", self.0.bytes, self.0.blocks)
    }
}

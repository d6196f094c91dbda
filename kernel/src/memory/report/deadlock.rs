//! What is said when an interrupt handler uses the heap, and what it broke into holds the heap's lock.
//!
//! On one CPU waiting would never end, so the tracker refuses. The report comes at once, in the handler, while that lock
//! is still held: all that it needs comes after that lock in the order of locks, so whoever holds it holds none of them.
//! It asks the tracker nothing.

use memstat::LockRefused;

use super::call_stack::{Stacks, callers};
use super::rate_limit::RateLimit;
use crate::arch::{VAddr, backtrace, idt, stacks};

/// A handler that is refused a block and a free comes twice each time.
static LIMIT: RateLimit = RateLimit::new(10);

/// Reports that the tracker refused something, which the function of the frame at `frame_pointer` asked for.
#[cold]
#[inline(never)]
pub(crate) fn report(refused: &LockRefused, frame_pointer: VAddr) {
    let Some(suppressed) = LIMIT.pass() else { return };
    let interrupted = idt::interrupted();
    let holder = if interrupted.is_some() { "what the interrupt broke into" } else { "what called it" };
    log::error!("deadlock: {holder} holds the allocator's lock; {refused}");
    if suppressed > 0 {
        log::error!("{suppressed} more were refused since the last report");
    }
    let mut stacks = Stacks::new();
    let Some(interrupted) = interrupted else {
        log::error!("  wanted and held by:");
        return stacks.show(callers(frame_pointer));
    };
    let held_from = VAddr(interrupted.rbp);
    log::error!("  wanted by:");
    stacks.show(callers(frame_pointer).take(frames_before(held_from, frame_pointer)));
    log::error!("  held by:");
    // A return address is named by what stands before it.
    let instruction = VAddr(interrupted.rip) + 1_u64;
    stacks.show(core::iter::once(instruction).chain(backtrace::walk(held_from)));
}

/// How many of the callers are the handler's: all, unless it runs on the stack of what it broke into.
fn frames_before(held_from: VAddr, frame_pointer: VAddr) -> usize {
    let is_one_stack = stacks::containing(frame_pointer).is_some_and(|stack| stack.contains(&held_from));
    let below = if is_one_stack { backtrace::walk(held_from).count() } else { 0 };
    callers(frame_pointer).count().saturating_sub(below)
}

//! The report of an interrupt handler that uses the heap while the interrupted code holds the heap's lock.
//!
//! On one CPU waiting would never end, so the tracker refuses. The report is written at once, in the handler, while the lock
//! is still held: the locks it needs come later in the lock order, so the holder has none of them. It does not use the
//! tracker.

use memstat::LockRefused;

use super::call_stack::{Stacks, callers};
use super::rate_limit::RateLimit;
use crate::arch::{VAddr, backtrace, idt, stacks};

/// A handler that allocates and frees is refused twice each time.
static LIMIT: RateLimit = RateLimit::new(10);

/// Reports that the tracker refused a request of the function whose frame is at `frame_pointer`.
#[cold]
#[inline(never)]
pub(crate) fn report(refused: &LockRefused, frame_pointer: VAddr) {
    let Some(suppressed) = LIMIT.pass() else { return };
    let interrupted = idt::interrupted();
    let holder = if interrupted.is_some() { "the interrupted code" } else { "its caller" };
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
    // The look-up of a return address names the call before it.
    let instruction = VAddr(interrupted.rip) + 1_u64;
    stacks.show(core::iter::once(instruction).chain(backtrace::walk(held_from)));
}

/// How many of the callers belong to the handler: all, unless it runs on the stack of the interrupted code.
fn frames_before(held_from: VAddr, frame_pointer: VAddr) -> usize {
    let is_one_stack = stacks::containing(frame_pointer).is_some_and(|stack| stack.contains(&held_from));
    let below = if is_one_stack { backtrace::walk(held_from).count() } else { 0 };
    callers(frame_pointer).count().saturating_sub(below)
}

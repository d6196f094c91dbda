//! The report of a failed allocation: its size and caller, the use of memory, and the call stacks that use most of it.
//!
//! The caller gets null or an error in any case and may handle it. The report is written without the heap and without the
//! tracker's lock, and no more often than [`RateLimit`] allows.

use core::alloc::Layout;
use core::sync::atomic::{AtomicBool, Ordering};

use super::call_stack::{callers, show, shown_frames};
use super::pages::{LargestFreeRun, PageUse};
use super::rate_limit::RateLimit;
use super::taken::taken_bytes_of;
use crate::arch::{VAddr, idt};
use crate::memory::failures;
use crate::memory::heap::tracker;
use memstat::Level;
use memstat::report::Rank;

/// Number of frames shown of the caller.
const CALLER_FRAMES: usize = 8;
/// Number of call stacks shown, those with most live bytes.
const STACKS: usize = 10;
/// Number of frames shown of each of them.
const STACK_FRAMES: usize = 2;

static LIMIT: RateLimit = RateLimit::new(1);
/// Whether a report is being written: an allocation that fails meanwhile is not reported.
static IS_REPORTING: AtomicBool = AtomicBool::new(false);

/// Reports that an allocation failed. `frame_pointer` is that of the function that asked the tracker.
#[cold]
#[inline(never)]
pub(crate) fn report(layout: Layout, frame_pointer: VAddr) {
    // Injected faults are expected, and there are many of them.
    if failures::HEAP.is_armed() || failures::PAGES.is_armed() || IS_REPORTING.swap(true, Ordering::Acquire) {
        return;
    }
    if let Some(suppressed) = LIMIT.pass() {
        write(layout, frame_pointer, suppressed);
    }
    IS_REPORTING.store(false, Ordering::Release);
}

fn write(layout: Layout, frame_pointer: VAddr, suppressed: u64) {
    let (size_bytes, align_bytes) = (layout.size(), layout.align());
    log::error!("out of memory: no block of {size_bytes} bytes, aligned to {align_bytes}; asked for by:");
    show(callers(frame_pointer).take(CALLER_FRAMES));
    if suppressed > 0 {
        log::error!("{suppressed} more failed since the last report");
    }
    let counters = tracker().counters();
    log::error!("heap: {} bytes asked for, {} bytes taken", counters.live_bytes, counters.taken_bytes);
    log::error!("{PageUse}");
    log::error!("largest free run: {LargestFreeRun}");
    // Going through all stacks takes too long for an interrupt handler.
    if !idt::is_in_interrupt() {
        write_top_stacks();
    }
}

#[inline(never)]
fn write_top_stacks() {
    if tracker().level() < Level::Stacks {
        log::error!("which call stacks use it is not recorded; set memstat=stacks");
    }
    let top = tracker().stacks().top::<STACKS>(Rank::LiveBytes);
    let mut numbers = [0; STACKS];
    numbers.iter_mut().zip(top.iter()).for_each(|(place, (number, _))| *place = *number);
    for ((number, stack), taken_bytes) in top.iter().zip(taken_bytes_of(numbers)) {
        let (bytes, blocks) = (stack.live_bytes, stack.live_blocks);
        log::error!("stack {number}: {bytes} bytes in {blocks} blocks live, taken {taken_bytes} bytes:");
        show(shown_frames(stack).take(STACK_FRAMES));
    }
}

//! The report of a failed allocation: its size and caller, the use of memory, and the call stacks that use most of it.
//!
//! The caller gets null or an error in any case and may handle it. The report is written without the heap and without the
//! tracker's lock, and no more often than [`RateLimit`] allows.

use core::alloc::Layout;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use memstat::Level;
use memstat::report::Rank;
use tally_heap::PAGE_BYTES;
use tally_heap::frames::SHOWN_ORDERS;

use super::call_stack::{callers, show, shown_frames};
use super::rate_limit::RateLimit;
use super::taken::taken_bytes_of;
use crate::arch::{VAddr, idt};
use crate::memory::failures;
use crate::memory::heap::tracker;
use crate::memory::page_accounting::{Purpose, free_blocks, free_pages, pages_for, total_pages};

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
    log::error!("memory: {} kB, {} free; {PagesByPurpose}", kib(total_pages()), kib(free_pages()));
    log::error!("largest free run: {LargestFreeRun}");
    // Going through all stacks takes too long for an interrupt handler.
    if !idt::is_in_interrupt() {
        write_top_stacks();
    }
}

/// `heap 8, arena 0, ...`, in kB.
struct PagesByPurpose;

impl fmt::Display for PagesByPurpose {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, purpose) in Purpose::ALL.into_iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(out, "{separator}{} {}", purpose.name(), kib(pages_for(purpose)))?;
        }
        Ok(())
    }
}

/// The largest run of free pages, in kB: when free memory is fragmented, large blocks do not fit. Larger runs than the
/// highest order are counted as that order.
struct LargestFreeRun;

impl fmt::Display for LargestFreeRun {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = free_blocks().iter().rposition(|count| *count > 0);
        write!(out, "{} kB", order.map_or(0, |order| kib(1 << order)))?;
        if order == Some(SHOWN_ORDERS - 1) { out.write_str(" or more") } else { Ok(()) }
    }
}

fn kib(pages: usize) -> usize {
    pages * (PAGE_BYTES / 1024)
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

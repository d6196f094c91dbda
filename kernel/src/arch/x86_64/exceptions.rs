//! Exceptions: which of them return, and the hooks that handle or report the others.
//!
//! Source: Intel SDM vol. 3A, section 6.15.

use spin::Once;

use super::idt::InterruptFrame;
use super::{VAddr, cpu, guarded};

const NON_MASKABLE: u64 = 2;
const BREAKPOINT: u64 = 3;
/// The vector of a double fault.
pub(crate) const DOUBLE_FAULT: u64 = 8;
/// The vector of a page fault.
pub(crate) const PAGE_FAULT: u64 = 14;
const MACHINE_CHECK: u64 = 18;

static ON_PAGE_FAULT: Once<fn(&InterruptFrame) -> bool> = Once::new();
static ON_FAULT: Once<fn(&InterruptFrame) -> !> = Once::new();

/// Registers `explain`, which is called for each page fault; if it returns true, the instruction is retried.
pub(crate) fn on_page_fault(explain: fn(&InterruptFrame) -> bool) {
    ON_PAGE_FAULT.call_once(|| explain);
}

/// Registers `end`, which is called for each exception that cannot return.
pub(crate) fn on_fault(end: fn(&InterruptFrame) -> !) {
    ON_FAULT.call_once(|| end);
}

/// Handles an exception. Only breakpoints and explained page faults return.
pub(super) fn handle(frame: &InterruptFrame) {
    if frame.vector == BREAKPOINT {
        log::info!("breakpoint at {:#x}", frame.rip);
        return;
    }
    // A machine check or NMI is not caused by the interrupted code, so it does not end a guarded call.
    if !matches!(frame.vector, NON_MASKABLE | MACHINE_CHECK) {
        guarded::leave_if_at(VAddr(frame.rsp));
    }
    if frame.vector == PAGE_FAULT && ON_PAGE_FAULT.get().is_some_and(|explain| explain(frame)) {
        return;
    }
    match ON_FAULT.get() {
        Some(end) => end(frame),
        None => cpu::halt_forever(),
    }
}

//! Page faults in the pool of sampled blocks: the report, and what the fault handler then does.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use memstat::{Access, InvalidAccess, Unexplained};
use tally_heap::PAGE_BYTES;

use super::call_stack::{Place, Stacks};
use super::corruption;
use crate::arch::idt::InterruptFrame;
use crate::arch::{VAddr, backtrace, cpu};
use crate::memory::heap::tracker;
use crate::memory::pages::guard_window;

/// Accesses from inside the allocator, which the tracker cannot explain.
static UNEXPLAINED: AtomicU64 = AtomicU64::new(0);

/// Limits reports of accesses to the pool from inside the allocator, which the tracker cannot explain.
pub(crate) fn unexplained() -> u64 {
    UNEXPLAINED.load(Ordering::Relaxed)
}

/// Reports a page fault that is an access past a sampled block or after its free. Returns whether it is one; then the page
/// is accessible now, and the instruction can be retried.
///
/// It waits for no lock that the faulting code may hold: no code touches the heap under the locks of the log and the
/// console, and if the tracker's lock is held, only the address is reported.
pub(crate) fn explain(fault: &InterruptFrame) -> bool {
    const PRESENT: u64 = 1;
    const WRITE: u64 = 1 << 1;
    const FETCH: u64 = 1 << 4;
    let [_, address, ..] = cpu::control_registers();
    let address = address as usize;
    if !guard_window::contains(VAddr::from_usize(address)) || fault.error_code & (PRESENT | FETCH) != 0 {
        return false;
    }
    let access = if fault.error_code & WRITE == 0 { Access::Read } else { Access::Write };
    match tracker().guards().explain_access(address, access) {
        Ok(found) => report(&found, fault),
        Err(Unexplained::Foreign) => return false,
        Err(Unexplained::Busy) => {
            UNEXPLAINED.fetch_add(1, Ordering::Relaxed);
            if let Some(page) = NonNull::new((address & !(PAGE_BYTES - 1)) as *mut u8) {
                guard_window::unprotect(page);
            }
            log::error!("a sampled block's guard page, or a freed one, at {address:#x} was accessed by:");
            log::error!("    {}; this was inside the allocator, so no more is known", instruction(fault));
        }
    }
    true
}

/// The instruction that faulted. The look-up expects a return address and names the code before it, so 1 is added.
fn instruction(fault: &InterruptFrame) -> Place {
    Place(VAddr(fault.rip.wrapping_add(1)))
}

#[cold]
#[inline(never)]
fn report(found: &InvalidAccess, fault: &InterruptFrame) {
    let mut stacks = Stacks::new();
    log::error!("{found}, in:");
    log::error!("    {}", instruction(fault));
    stacks.show(backtrace::walk(VAddr(fault.rbp)));
    corruption::show_life(Some(&found.block), found.free.as_ref(), &mut stacks);
}

//! What the page fault handler asks about an access to the pool of sampled blocks.

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

/// Accesses that came from inside the allocator: the tracker does not know of them.
static UNEXPLAINED: AtomicU64 = AtomicU64::new(0);

/// Accesses to the pool from inside the allocator, where nothing is known of them.
pub(crate) fn unexplained() -> u64 {
    UNEXPLAINED.load(Ordering::Relaxed)
}

/// Reports a page fault that was an access past a sampled block, or after its free, and says whether it was one: then
/// the page can be touched now, and the instruction may come again.
///
/// Whatever lock the faulting code holds, nothing here waits for it: under those of the log and the console nobody touches
/// the heap, and if the tracker's is held, only the address is reported.
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
            log::error!("a sampled block's guard page, or a freed one, at {address:#x} was touched by:");
            log::error!("    {}; this was inside the allocator, and more is not known", instruction(fault));
        }
    }
    true
}

/// The instruction that faulted. It is named as the call before a return address is, and that lies behind it.
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

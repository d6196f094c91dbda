//! Deliberate faults, for tests of their reports.

use super::{direct_map, idt, pic};

/// The last page below the direct map: canonical, and never mapped.
const UNMAPPED: usize = direct_map::START.as_usize() - 0x1000 + (1 << 46);

/// Writes to an address where nothing is mapped.
#[inline(never)]
pub(crate) fn write_unmapped() {
    // SAFETY: the fault is the purpose; nothing is mapped there.
    unsafe { core::arch::asm!("mov qword ptr [{}], rax", in(reg) UNMAPPED) };
}

/// Reads address 0.
#[inline(never)]
pub(crate) fn read_null() {
    // SAFETY: the fault is the purpose; page 0 is never mapped.
    unsafe { core::arch::asm!("mov rax, qword ptr [{}]", in(reg) 0_usize, out("rax") _) };
}

/// Recurses until the guard page below the stack ends it.
#[inline(never)]
pub(crate) fn overflow_stack() {
    recurse(0);
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = [depth; 32];
    if core::hint::black_box(&frame)[0] == u64::MAX {
        return depth;
    }
    recurse(depth + 1) + frame[1]
}

/// A breakpoint, which returns.
pub(crate) fn breakpoint() {
    // SAFETY: the exception is handled and returns.
    unsafe { core::arch::asm!("int3", options(nomem, nostack)) };
}

/// An interrupt line that no device of this kernel uses; once those of COM2 or sound cards.
const FREE_LINE: u8 = 3;

/// Runs `handler` as the handler of a device's interrupt, which is raised at once.
pub(crate) fn interrupt(handler: fn()) {
    const VECTOR: u8 = pic::FIRST_VECTOR + FREE_LINE;
    idt::handle_line(FREE_LINE, "bug", handler);
    // SAFETY: the vector leads to the handler, as a device's interrupt would.
    unsafe { core::arch::asm!("int {}", const VECTOR) };
}

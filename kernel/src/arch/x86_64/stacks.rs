//! The kernel's stacks: where they lie, and which pages guard them.

use core::arch::global_asm;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

global_asm!(include_str!("stacks.s"));

pub(super) const PAGE_BYTES: usize = 4096;
const IST_STACK_BYTES: usize = 16384;
const IST_STACKS: usize = 3;

unsafe extern "C" {
    static boot_stack_bottom: u8;
    static boot_stack_top: u8;
    static ist_stacks: u8;
    static guarded_stack_bottom: u8;
    static guarded_stack_top: u8;
}

/// The stack that the kernel runs on.
#[inline]
pub(crate) fn main_stack() -> Range<usize> {
    (&raw const boot_stack_bottom) as usize..(&raw const boot_stack_top) as usize
}

static CURRENT_START: AtomicUsize = AtomicUsize::new(0);
static CURRENT_SIZE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Notes which stack the kernel runs on, but for what runs on an interrupt stack.
pub(crate) fn set_current(stack: &Range<usize>) {
    CURRENT_START.store(stack.start, Ordering::Relaxed);
    CURRENT_SIZE_BYTES.store(stack.len(), Ordering::Relaxed);
}

/// Start and length of the stack that the kernel runs on; a length of 0 until that is noted.
#[inline]
pub(crate) fn current() -> (usize, usize) {
    (CURRENT_START.load(Ordering::Relaxed), CURRENT_SIZE_BYTES.load(Ordering::Relaxed))
}

/// The stack of the interrupt stack table's entry `number` (0 is IST1).
pub(crate) fn interrupt_stack(number: usize) -> Range<usize> {
    let guard = (&raw const ist_stacks) as usize + number * (PAGE_BYTES + IST_STACK_BYTES);
    guard + PAGE_BYTES..guard + PAGE_BYTES + IST_STACK_BYTES
}

/// The stack of guarded calls.
pub(crate) fn guarded_stack() -> Range<usize> {
    (&raw const guarded_stack_bottom) as usize..(&raw const guarded_stack_top) as usize
}

/// All stacks.
fn all() -> impl Iterator<Item = Range<usize>> {
    [main_stack(), guarded_stack()].into_iter().chain((0..IST_STACKS).map(interrupt_stack))
}

/// The stack that `address` lies in.
pub(crate) fn containing(address: usize) -> Option<Range<usize>> {
    all().find(|stack| stack.contains(&address))
}

/// Bytes of all stacks.
pub(crate) fn total_bytes() -> usize {
    main_stack().len() + IST_STACKS * IST_STACK_BYTES
}

/// The pages below the stacks, to be left unmapped.
pub(crate) fn guard_pages() -> impl Iterator<Item = usize> {
    all().map(|stack| stack.start - PAGE_BYTES)
}

/// Whether `address` lies in a guard page.
pub(crate) fn is_guard(address: usize) -> bool {
    guard_pages().any(|guard| (guard..guard + PAGE_BYTES).contains(&address))
}

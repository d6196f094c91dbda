//! Guarded calls: a fault, a panic or a failed allocation ends the call, not the kernel.
//!
//! The call runs on a stack of its own, with interrupts masked. If it faults or panics, that stack is
//! abandoned, and the caller gets [`Abandoned`]. Nothing on it is dropped, so the called code must own nothing
//! that others wait for: no lock, no block of the heap.

use core::arch::global_asm;
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicBool, Ordering};

use super::{VAddr, cpu, stacks};

global_asm!(include_str!("guarded.s"));

unsafe extern "C" {
    fn guarded_enter(stack_top: usize, function: extern "C" fn(*mut u8), argument: *mut u8) -> usize;
    fn guarded_leave() -> !;
}

/// Why a guarded call has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abandoned {
    /// It faulted or panicked.
    Failed,
    /// Another guarded call is running; there is only one stack for them.
    Busy,
}

static IS_UNDER_WAY: AtomicBool = AtomicBool::new(false);

struct Call<F, R> {
    function: ManuallyDrop<F>,
    result: Option<R>,
}

/// Calls `function`; a failure ends only the call.
pub(crate) fn call<R>(function: impl FnOnce() -> R) -> Result<R, Abandoned> {
    let were_enabled = cpu::mask_interrupts();
    let result = if IS_UNDER_WAY.swap(true, Ordering::Acquire) {
        Err(Abandoned::Busy)
    } else {
        let result = call_alone(function);
        IS_UNDER_WAY.store(false, Ordering::Release);
        result
    };
    cpu::restore_interrupts(were_enabled);
    result
}

fn call_alone<R, F: FnOnce() -> R>(function: F) -> Result<R, Abandoned> {
    let mut call = Call { function: ManuallyDrop::new(function), result: None };
    let argument = (&raw mut call).cast();
    // SAFETY: the stack is mapped, aligned, and used by nobody else while the flag is set; `run` is made for this type,
    // and `call` outlives it.
    let has_failed =
        unsafe { guarded_enter(stacks::guarded_stack().end.as_usize(), run::<F, R>, argument) } != 0;
    if has_failed { Err(Abandoned::Failed) } else { call.result.ok_or(Abandoned::Failed) }
}

extern "C" fn run<F: FnOnce() -> R, R>(argument: *mut u8) {
    // SAFETY: `call_alone` hands this type on, and waits.
    let call = unsafe { &mut *argument.cast::<Call<F, R>>() };
    // SAFETY: taken once: nobody else touches it.
    let function = unsafe { ManuallyDrop::take(&mut call.function) };
    call.result = Some(function());
}

/// Whether the caller is part of a guarded call.
#[inline(never)]
pub(crate) fn is_inside() -> bool {
    IS_UNDER_WAY.load(Ordering::Relaxed) && stacks::guarded_stack().contains(&cpu::frame_pointer())
}

/// Ends the guarded call that the caller is a part of; returns if there is none. For code that cannot continue.
pub(crate) fn leave_if_inside() {
    if is_inside() {
        // SAFETY: a call is under way, so its caller waits in `guarded_enter`.
        unsafe { guarded_leave() };
    }
}

/// Ends the guarded call whose code had this stack pointer when it faulted, if there is one. After a stack overflow the
/// stack pointer is in the guard page below the stack.
pub(super) fn leave_if_at(stack_pointer: VAddr) {
    let stack = stacks::guarded_stack();
    let whole = stack.start - stacks::PAGE_BYTES..stack.end;
    if IS_UNDER_WAY.load(Ordering::Relaxed) && whole.contains(&stack_pointer) {
        // SAFETY: as above; the exception came from inside the call, and nobody returns to it.
        unsafe { guarded_leave() };
    }
}

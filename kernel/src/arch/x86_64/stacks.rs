//! The kernel's stacks: where they lie, and which pages guard them.

use core::arch::{asm, global_asm};
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{VAddr, cpu};

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

/// Bytes of a frame that every function has: the caller's frame pointer, and the return address.
const FRAME_BYTES: usize = 16;

// Before a stack is noted, no frame lies in it.
static CURRENT_START: AtomicUsize = AtomicUsize::new(usize::MAX);
static CURRENT_LAST_FRAME: AtomicUsize = AtomicUsize::new(0);

/// Notes which stack the kernel runs on, but for what runs on an interrupt stack.
pub(crate) fn set_current(stack: &Range<usize>) {
    CURRENT_START.store(stack.start, Ordering::Relaxed);
    CURRENT_LAST_FRAME.store(stack.len() - FRAME_BYTES, Ordering::Relaxed);
}

/// Start and length of the stack that the kernel runs on, if a frame at `frame_pointer` lies in it.
///
/// It looks at the frame as a walk does, so that the compiler sees that the walk need not look at the first one again.
#[inline]
pub(crate) fn current_with(frame_pointer: usize) -> Option<(usize, usize)> {
    let start = CURRENT_START.load(Ordering::Relaxed);
    let last_frame = CURRENT_LAST_FRAME.load(Ordering::Relaxed);
    (frame_pointer.wrapping_sub(start) <= last_frame).then_some((start, last_frame + FRAME_BYTES))
}

/// The return addresses of the function that this is called in and of the one that called it; 0 for what lies outside of
/// the stack that the kernel runs on.
#[expect(clippy::inline_always, reason = "called as a function it would read its own")]
#[inline(always)]
pub(crate) fn callers() -> [usize; 2] {
    let [outer_frame, first] = cpu::frame();
    let second = current_with(outer_frame).map_or(0, |_| {
        let place = (outer_frame + size_of::<usize>()) as *const [u8; size_of::<usize>()];
        // SAFETY: the frame lies in this stack, all of which can be read; bytes need no alignment.
        usize::from_ne_bytes(unsafe { place.read() })
    });
    [first, second]
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

/// All stacks. But for the one that the caller runs on, nothing is on them between exceptions and guarded calls.
pub(crate) fn all() -> impl Iterator<Item = Range<usize>> {
    [main_stack(), guarded_stack()].into_iter().chain((0..IST_STACKS).map(interrupt_stack))
}

/// The stack that `address` lies in.
pub(crate) fn containing(address: usize) -> Option<Range<usize>> {
    all().find(|stack| stack.contains(&address))
}

/// Overwrites what finished calls have left of themselves on the boot stack below the caller's frame with zeros.
///
/// Frames made later have places that nothing writes: an address that lay there would look as if somebody still had it.
#[inline(never)]
pub(crate) fn clear_unused() {
    let stack = main_stack();
    if !stack.contains(&cpu::stack_pointer()) {
        return;
    }
    // SAFETY: nobody has anything below the stack pointer, as the kernel is built without a red zone. An interrupt that
    // comes meanwhile has its frame there, and is done with it before the next word is written.
    unsafe {
        asm!(
            "mov rcx, rsp",
            "sub rcx, rdi",
            "shr rcx, 3",
            "rep stosq",
            inout("rdi") stack.start => _,
            out("rcx") _,
            in("rax") 0,
        );
    }
}

/// The pages below the stacks, to be left unmapped.
pub(crate) fn guard_pages() -> impl Iterator<Item = VAddr> {
    all().map(|stack| VAddr::from_usize(stack.start - PAGE_BYTES))
}

/// Whether `address` lies in a guard page.
pub(crate) fn is_guard(address: VAddr) -> bool {
    guard_pages().any(|guard| (guard..guard + PAGE_BYTES).contains(&address))
}

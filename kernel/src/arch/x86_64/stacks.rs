//! The kernel's stacks and their guard pages.

use core::arch::{asm, global_asm};
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{VAddr, cpu, size_bytes};

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

#[inline]
fn at(symbol: *const u8) -> VAddr {
    VAddr::from_usize(symbol as usize)
}

/// The stack that the kernel runs on.
#[inline]
pub(crate) fn main_stack() -> Range<VAddr> {
    at(&raw const boot_stack_bottom)..at(&raw const boot_stack_top)
}

/// Bytes of a frame that every function has: the caller's frame pointer, and the return address.
const FRAME_BYTES: usize = 16;

// Before a stack is set, no frame is in it.
static CURRENT_START: AtomicUsize = AtomicUsize::new(usize::MAX);
static CURRENT_LAST_FRAME: AtomicUsize = AtomicUsize::new(0);

/// Sets the stack that the kernel runs on; interrupt stacks do not count.
pub(crate) fn set_current(stack: &Range<VAddr>) {
    CURRENT_START.store(stack.start.as_usize(), Ordering::Relaxed);
    CURRENT_LAST_FRAME.store(size_bytes(stack) - FRAME_BYTES, Ordering::Relaxed);
}

/// Start and length of the stack that the kernel runs on, if a frame at `frame_pointer` lies in it.
///
/// The check of the frame is the same as in a walk, so that the compiler can omit the walk's check of the first frame.
#[inline]
pub(crate) fn current_with(frame_pointer: VAddr) -> Option<(VAddr, usize)> {
    let start = CURRENT_START.load(Ordering::Relaxed);
    let last_frame = CURRENT_LAST_FRAME.load(Ordering::Relaxed);
    let is_inside = frame_pointer.as_usize().wrapping_sub(start) <= last_frame;
    is_inside.then_some((VAddr::from_usize(start), last_frame + FRAME_BYTES))
}

/// The return addresses of the function that calls this and of that function's caller; 0 for one that lies outside the
/// current stack.
#[expect(clippy::inline_always, reason = "called as a function it would read its own")]
#[inline(always)]
pub(crate) fn callers() -> [VAddr; 2] {
    let [outer_frame, first] = cpu::frame();
    let second = current_with(outer_frame).map_or(VAddr::zero(), |_| {
        let place = (outer_frame.as_usize() + size_of::<usize>()) as *const [u8; size_of::<usize>()];
        // SAFETY: the frame lies in this stack, all of which can be read; bytes need no alignment.
        VAddr::from_usize(usize::from_ne_bytes(unsafe { place.read() }))
    });
    [first, second]
}

/// As [`callers`], of the function that called the one that calls this.
#[expect(clippy::inline_always, reason = "called as a function it would read its own")]
#[inline(always)]
pub(crate) fn outer_callers() -> [VAddr; 2] {
    let read = |address: VAddr| {
        // SAFETY: the first frame is that of a caller, the second one lies in this stack, all of which can be read; bytes need
        // no alignment.
        VAddr::from_usize(usize::from_ne_bytes(unsafe { (address.as_usize() as *const [u8; 8]).read() }))
    };
    let [frame, _] = cpu::frame();
    let (outer_frame, first) = (read(frame), read(frame + size_of::<usize>()));
    let second = current_with(outer_frame).map_or(VAddr::zero(), |_| read(outer_frame + size_of::<usize>()));
    [first, second]
}

/// The stack of the interrupt stack table's entry `number` (0 is IST1).
pub(crate) fn interrupt_stack(number: usize) -> Range<VAddr> {
    let guard = at(&raw const ist_stacks) + number * (PAGE_BYTES + IST_STACK_BYTES);
    guard + PAGE_BYTES..guard + PAGE_BYTES + IST_STACK_BYTES
}

/// The stack of guarded calls.
pub(crate) fn guarded_stack() -> Range<VAddr> {
    at(&raw const guarded_stack_bottom)..at(&raw const guarded_stack_top)
}

/// All stacks. Outside of exceptions and guarded calls, only the caller's stack is in use.
pub(crate) fn all() -> impl Iterator<Item = Range<VAddr>> {
    [main_stack(), guarded_stack()].into_iter().chain((0..IST_STACKS).map(interrupt_stack))
}

/// The stack that `address` lies in.
pub(crate) fn containing(address: VAddr) -> Option<Range<VAddr>> {
    all().find(|stack| stack.contains(&address))
}

/// Zeroes the unused part of the boot stack, below the caller's frame.
///
/// Later frames contain words that are never written: a stale address there would look like a reference.
#[inline(never)]
pub(crate) fn clear_unused() {
    let stack = main_stack();
    if !stack.contains(&cpu::stack_pointer()) {
        return;
    }
    // SAFETY: memory below the stack pointer is unused, as the kernel is built without a red zone. An interrupt puts its
    // frame there, and has finished before the next word is written.
    unsafe {
        asm!(
            "mov rcx, rsp",
            "sub rcx, rdi",
            "shr rcx, 3",
            "rep stosq",
            inout("rdi") stack.start.as_usize() => _,
            out("rcx") _,
            in("rax") 0,
        );
    }
}

/// The guard pages below the stacks, which must stay unmapped.
pub(crate) fn guard_pages() -> impl Iterator<Item = VAddr> {
    all().map(|stack| stack.start - PAGE_BYTES)
}

/// Whether `address` lies in a guard page.
pub(crate) fn is_guard(address: VAddr) -> bool {
    guard_pages().any(|guard| (guard..guard + PAGE_BYTES).contains(&address))
}

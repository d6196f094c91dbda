//! Walking a stack by its frame pointers.
//!
//! Code that was compiled without frame pointers leaves anything in that register. So nothing is read but what lies
//! inside the stack, and a walk goes on only to a frame that is aligned and lies above the one before, with a return
//! address that can be one. A stack that is known has passed these checks: to compare one with it, the bounds are enough.

use core::hint::black_box;

use super::MAX_FRAMES;
use crate::platform::{PAGE_SIZE_BYTES, Platform, StackSpan};

/// Bytes of a frame that are read: the caller's frame pointer and the return address.
const FRAME_BYTES: usize = 2 * size_of::<usize>();
/// How far the frame pointer points behind these bytes: RISC-V's calling convention has them below it.
pub(crate) const FRAME_POINTER_OFFSET: usize =
    if cfg!(any(target_arch = "riscv32", target_arch = "riscv64")) { FRAME_BYTES } else { 0 };
/// Where the walk goes behind the last frame: outside of every stack.
const END: usize = usize::MAX;

/// The first frame that is not the allocator's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) return_address: usize,
    /// The offset of the caller's frame from the stack's start, in bytes.
    caller: usize,
}

impl Start {
    /// A hash of the innermost call and of the depth at which it was made.
    #[inline]
    pub(super) fn key(&self) -> usize {
        (self.return_address ^ self.caller << 3).wrapping_mul(0x9e37_79b9) >> 20
    }
}

/// The frame at `offset` bytes from the stack's start: the offset of its caller's frame, and its return address. `None`
/// outside the stack.
#[expect(clippy::inline_always, reason = "done up to sixteen times for one allocation")]
#[inline(always)]
fn frame(span: &StackSpan, offset: usize) -> Option<(usize, usize)> {
    // One comparison covers both ends: below the start the offset is huge.
    if offset > span.size_bytes - FRAME_BYTES {
        return None;
    }
    let words = (span.start as *const u8).wrapping_add(offset).cast::<[[u8; size_of::<usize>()]; 2]>();
    // SAFETY: both words lie inside the stack that the platform vouches for; bytes need no alignment.
    let [caller, return_address] = unsafe { words.read() }.map(usize::from_ne_bytes);
    Some((caller.wrapping_sub(span.start + FRAME_POINTER_OFFSET), return_address))
}

/// As [`frame`], for a walk that goes on: `None` also for a frame that cannot be one. Behind a frame whose caller's cannot
/// be one the walk ends.
#[inline]
fn checked_frame(span: &StackSpan, offset: usize) -> Option<(usize, usize)> {
    let is_aligned = span.start.wrapping_add(offset).is_multiple_of(size_of::<usize>());
    let (caller, return_address) = frame(span, offset).filter(|_| is_aligned)?;
    // The first page holds no code; the last frame's return address is 0.
    (return_address >= PAGE_SIZE_BYTES)
        .then_some((if caller > offset { caller } else { END }, return_address))
}

/// Whether this program's functions keep frame pointers, as far as the tracker's own show. They are compiled with the
/// program, as all generic functions are.
#[inline(never)]
pub(crate) fn has_frame_pointers(platform: &impl Platform) -> bool {
    let own = platform.frame_pointer();
    own != 0 && own != frame_pointer_of_callee(platform)
}

/// The frame pointer of a function that calls another, as those that call none may do without.
#[inline(never)]
fn frame_pointer_of_callee(platform: &impl Platform) -> usize {
    let own = platform.frame_pointer();
    black_box::<fn()>(|| {})();
    black_box(own)
}

/// Behind a call that was handed this function's frame pointer: keeps the frame until the callee is done. Else the call may
/// be the function's last instruction, after its frame was given up. On x86 and RISC-V the callee's frame then has the same
/// two words in the same place; on Arm it overwrites them.
#[inline(always)]
pub(crate) fn keep_frame() {
    #[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
    // SAFETY: no instruction. It may touch memory for all that the compiler knows, so it stays behind the call.
    unsafe {
        core::arch::asm!("", options(nostack, preserves_flags));
    }
}

/// The first frame, even if it is the allocator's. At the end of a stack the return address is 0, which is in no known
/// stack.
#[expect(clippy::inline_always, reason = "on the fast path")]
#[inline(always)]
pub(super) fn first(span: &StackSpan) -> Option<Start> {
    let (caller, return_address) = frame(span, span.frame_pointer.wrapping_sub(span.start))?;
    Some(Start { return_address, caller })
}

/// The first frame outside the allocator.
#[inline]
pub(super) fn start(span: &StackSpan, platform: &impl Platform) -> Option<Start> {
    let mut offset = span.frame_pointer.wrapping_sub(span.start);
    for _ in 0..MAX_FRAMES {
        let (caller, return_address) = checked_frame(span, offset)?;
        if !platform.is_allocator_code(return_address) {
            return Some(Start { return_address, caller });
        }
        offset = caller;
    }
    None
}

/// The innermost return addresses, without the leading ones for which `is_left_out` is true; zeros after the last.
#[inline]
pub(crate) fn innermost<const COUNT: usize>(
    span: &StackSpan,
    is_left_out: impl Fn(usize) -> bool,
) -> [usize; COUNT] {
    let mut addresses = [0; COUNT];
    let mut count = 0;
    let mut offset = span.frame_pointer.wrapping_sub(span.start);
    for _ in 0..MAX_FRAMES {
        let Some((caller, return_address)) = checked_frame(span, offset) else { break };
        offset = caller;
        if count == 0 && is_left_out(return_address) {
            continue;
        }
        let Some(slot) = addresses.get_mut(count) else { break };
        *slot = return_address;
        count += 1;
    }
    addresses
}

/// Whether the stack from `start` on begins with these `MAX` return addresses; `None` if it ends before. Each takes seven
/// instructions. The two negative results differ so that the compiler does not merge both tests, which would take ten.
#[expect(clippy::inline_always, reason = "on the fast path")]
#[inline(always)]
pub(super) fn begins_with<const MAX: usize>(
    span: &StackSpan,
    start: &Start,
    frames: &[usize; MAX_FRAMES],
) -> Option<bool> {
    if frames[0] != start.return_address {
        return Some(false);
    }
    let mut offset = start.caller;
    for known in &frames[1..MAX] {
        let (caller, return_address) = frame(span, offset)?;
        if return_address != *known {
            return Some(false);
        }
        offset = caller;
    }
    Some(true)
}

/// Whether the stack from `start` on has exactly these return addresses.
pub(super) fn is(span: &StackSpan, start: &Start, frames: &[usize]) -> bool {
    if frames.first() != Some(&start.return_address) {
        return false;
    }
    let mut offset = start.caller;
    for known in frames.iter().skip(1) {
        match checked_frame(span, offset) {
            Some((caller, return_address)) if return_address == *known => offset = caller,
            _ => return false,
        }
    }
    checked_frame(span, offset).is_none()
}

/// Collects at most `max` return addresses from `start` on, and returns how many.
#[inline(never)]
pub(super) fn collect(
    span: &StackSpan,
    start: &Start,
    frames: &mut [usize; MAX_FRAMES],
    max: usize,
) -> usize {
    frames[0] = start.return_address;
    let mut offset = start.caller;
    for (number, slot) in frames.iter_mut().enumerate().take(max).skip(1) {
        let Some((caller, return_address)) = checked_frame(span, offset) else { return number };
        *slot = return_address;
        offset = caller;
    }
    max
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{GuardPages, Hooks};

    const WORD: usize = size_of::<usize>();
    const CODE: usize = 0x40_1000;

    struct Nowhere;

    // SAFETY: it gives no pages and names no stack.
    unsafe impl Platform for Nowhere {
        fn enter_critical(&self) -> usize {
            0
        }

        fn leave_critical(&self, _saved: usize) {}

        fn take_page(&self) -> Option<core::ptr::NonNull<u8>> {
            None
        }

        unsafe fn give_page(&self, _page: core::ptr::NonNull<u8>) {}
    }

    // SAFETY: there is no window.
    unsafe impl GuardPages for Nowhere {}

    impl Hooks for Nowhere {}

    /// The frames of a stack of 32 words, which the words at `frames` (each with the place of its caller's frame, in
    /// bytes from the start, and a return address) make.
    fn walk(frames: &[(usize, isize, usize)]) -> Vec<usize> {
        let mut words = [0xdead_beef_usize; 32];
        let start = words.as_ptr() as usize;
        for (place, caller, return_address) in frames {
            words[*place] = start.wrapping_add_signed(*caller) + FRAME_POINTER_OFFSET;
            words[place + 1] = *return_address;
        }
        let span = StackSpan { frame_pointer: start, start, size_bytes: size_of_val(&words) };
        let mut found = [0; MAX_FRAMES];
        let Some(first) = super::start(&span, &Nowhere) else { return Vec::new() };
        let count = collect(&span, &first, &mut found, MAX_FRAMES);
        assert!(is(&span, &first, &found[..count]), "the same again is the same");
        assert!(innermost::<2>(&span, |_| false).iter().zip(&found).all(|(one, other)| one == other));
        found[..count].to_vec()
    }

    #[test]
    fn a_stack_ends_at_its_last_frame() {
        assert_eq!(walk(&[(0, 64, CODE), (8, 128, CODE + 1), (16, 0, 0)]), [CODE, CODE + 1]);
    }

    #[test]
    fn a_walk_never_goes_down_nor_round_in_circles() {
        assert_eq!(walk(&[(0, 0, CODE)]), [CODE]);
        assert_eq!(walk(&[(0, 64, CODE), (8, 0, CODE + 1)]), [CODE, CODE + 1]);
        assert_eq!(walk(&[(0, 64, CODE), (8, 32, CODE + 1), (4, 64, CODE + 2)]), [CODE, CODE + 1]);
    }

    #[test]
    fn a_frame_outside_of_the_stack_or_across_its_end_is_not_read() {
        for caller in [-16, -1, 31 * WORD as isize, 32 * WORD as isize, isize::MAX / 2] {
            assert_eq!(walk(&[(0, caller, CODE)]), [CODE], "{caller}");
        }
        assert_eq!(walk(&[(0, 30 * WORD as isize, CODE), (30, 0, CODE + 1)]), [CODE, CODE + 1]);
    }

    #[test]
    fn a_frame_that_is_not_aligned_or_returns_to_no_code_is_none() {
        assert_eq!(walk(&[(0, 65, CODE), (8, 128, CODE + 1)]), [CODE]);
        assert_eq!(walk(&[(0, 64, CODE), (8, 128, 17)]), [CODE]);
        assert_eq!(walk(&[(0, 64, 17)]), []);
    }

    #[test]
    fn a_platform_without_frame_pointers_has_none() {
        assert!(!has_frame_pointers(&Nowhere));
    }
}

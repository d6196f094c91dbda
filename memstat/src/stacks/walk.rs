//! Walking a stack by its frame pointers. Every address is checked before it is read.

use super::MOST_FRAMES;
use crate::platform::{Platform, StackSpan};

/// Bytes of a frame that are read: the caller's frame pointer and the return address.
const FRAME_BYTES: usize = 2 * size_of::<usize>();

/// The first frame that is not the allocator's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) return_address: usize,
    caller: usize,
}

impl Start {
    /// A number that differs where stacks differ, as a rule: by the innermost call, and by the depth at which
    /// it was made.
    #[inline]
    pub(super) fn key(&self) -> usize {
        (self.return_address ^ self.caller << 3).wrapping_mul(0x9e37_79b9) >> 20
    }
}

/// The frame at `pointer`: the caller's frame pointer and the return address. `None` outside of the stack.
#[inline]
fn frame(span: &StackSpan, pointer: usize) -> Option<(usize, usize)> {
    // One comparison covers both ends: below the start the difference is huge.
    if pointer.wrapping_sub(span.start) > span.size_bytes - FRAME_BYTES {
        return None;
    }
    let words = pointer as *const usize;
    // SAFETY: both words lie inside the stack that the platform vouches for; they need not be aligned.
    Some(unsafe { (words.read_unaligned(), words.add(1).read_unaligned()) })
}

/// The first frame outside of the allocator.
#[inline]
pub(super) fn start(span: &StackSpan, platform: &impl Platform) -> Option<Start> {
    let mut pointer = span.frame_pointer;
    for _ in 0..MOST_FRAMES {
        let (caller, return_address) = frame(span, pointer)?;
        if !platform.is_allocator_code(return_address) {
            return (return_address != 0).then_some(Start { return_address, caller });
        }
        pointer = caller;
    }
    None
}

/// Whether the stack from `start` on has just these return addresses.
#[inline]
pub(super) fn matches(span: &StackSpan, start: &Start, frames: &[usize; MOST_FRAMES], count: usize) -> bool {
    if frames[0] != start.return_address {
        return false;
    }
    let mut pointer = start.caller;
    for (number, known) in frames.iter().enumerate().skip(1) {
        match frame(span, pointer) {
            // Behind the known stack's last frame stand zeros, so a walk that ends with one matches them.
            Some((caller, return_address)) if return_address == *known => pointer = caller,
            Some(_) => return false,
            None => return number >= count,
        }
    }
    true
}

/// Collects the return addresses from `start` on, and says how many there are.
pub(super) fn collect(span: &StackSpan, start: &Start, frames: &mut [usize; MOST_FRAMES]) -> usize {
    frames[0] = start.return_address;
    let mut pointer = start.caller;
    for (number, slot) in frames.iter_mut().enumerate().skip(1) {
        match frame(span, pointer) {
            Some((caller, return_address)) if return_address != 0 => {
                *slot = return_address;
                pointer = caller;
            }
            _ => return number,
        }
    }
    MOST_FRAMES
}

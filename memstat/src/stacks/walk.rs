//! Walking a stack by its frame pointers. Every address is checked before it is read.

use super::MAX_FRAMES;
use crate::platform::{Platform, StackSpan};

/// Bytes of a frame that are read: the caller's frame pointer and the return address.
const FRAME_BYTES: usize = 2 * size_of::<usize>();

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
    Some((caller.wrapping_sub(span.start), return_address))
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
        let (caller, return_address) = frame(span, offset)?;
        if !platform.is_allocator_code(return_address) {
            return (return_address != 0).then_some(Start { return_address, caller });
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
        let Some((caller, return_address)) = frame(span, offset) else { break };
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
        match frame(span, offset) {
            Some((caller, return_address)) if return_address == *known => offset = caller,
            _ => return false,
        }
    }
    frame(span, offset).is_none_or(|(_, return_address)| return_address == 0)
}

/// Collects at most `MAX` return addresses from `start` on, and returns how many.
pub(super) fn collect<const MAX: usize>(
    span: &StackSpan,
    start: &Start,
    frames: &mut [usize; MAX_FRAMES],
) -> usize {
    frames[0] = start.return_address;
    let mut offset = start.caller;
    for (number, slot) in frames.iter_mut().enumerate().take(MAX).skip(1) {
        match frame(span, offset) {
            Some((caller, return_address)) if return_address != 0 => {
                *slot = return_address;
                offset = caller;
            }
            _ => return number,
        }
    }
    MAX
}

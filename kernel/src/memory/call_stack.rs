//! Call stacks in the heap's reports: the functions that called the allocator, a frame a message.

use crate::arch::{backtrace, image};
use crate::symbols::ReturnAddress;

/// Frames that are shown of each stack.
const MOST_FRAMES: usize = 12;

/// The functions that called the allocator, from below the frame at `frame_pointer`.
pub(super) fn callers(frame_pointer: usize) -> impl Iterator<Item = usize> {
    backtrace::walk(frame_pointer).skip_while(|address| image::allocator_text().contains(address))
}

/// Logs the first frames, each as a message of its own, so that the log keeps all of them.
pub(super) fn show(frames: impl Iterator<Item = usize>) {
    for address in frames.take(MOST_FRAMES) {
        log::error!("    {}", ReturnAddress(address));
    }
}

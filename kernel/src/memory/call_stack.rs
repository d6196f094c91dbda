//! Call stacks in the heap's reports: the functions that called the allocator, a frame a message.

use crate::arch::{backtrace, image};
use crate::symbols;

/// Frames that are shown of each stack.
const MOST_FRAMES: usize = 12;

/// The functions that called the allocator, from below the frame at `frame_pointer`.
pub(super) fn callers(frame_pointer: usize) -> impl Iterator<Item = usize> {
    backtrace::walk(frame_pointer).skip_while(|address| image::is_allocator_text(*address))
}

/// Logs the first frames, each function as a message of its own, so that the log keeps all of them. Inlined functions of
/// the standard library and the allocator are left out: they are many, and say little.
pub(super) fn show(frames: impl Iterator<Item = usize>) {
    for address in frames.take(MOST_FRAMES) {
        let mut is_named = false;
        symbols::resolve(address, &mut |frame, is_inlined| {
            is_named = true;
            if !is_inlined {
                log::error!("    {frame}");
            } else if !frame.is_library() && !frame.is_allocator() {
                log::error!("    {frame} (inlined)");
            }
        });
        if !is_named {
            log::error!("    {address:#018x}");
        }
    }
}

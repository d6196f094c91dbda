//! Call stacks in the heap's reports: the functions that called the allocator, a frame a message.

use memstat::report::ShownStacks;

use crate::arch::{backtrace, image};
use crate::symbols::{self, ReturnAddress};

/// The functions that called the allocator, from below the frame at `frame_pointer`.
pub(super) fn callers(frame_pointer: usize) -> impl Iterator<Item = usize> {
    backtrace::walk(frame_pointer).skip_while(|address| image::allocator_text().contains(address))
}

/// The call stacks of one report: the outer frames that two of them share are logged once.
pub(super) struct Stacks(ShownStacks);

impl Stacks {
    /// For a report that has none yet.
    pub(super) const fn new() -> Self {
        Self(ShownStacks::new())
    }

    /// Logs the next one, but for what was logged before.
    pub(super) fn show(&mut self, frames: impl Iterator<Item = usize>) {
        let stack = self.0.add(frames);
        show(stack.own().iter().copied());
        if let [first, ..] = stack.shared() {
            log::error!("    ... as above from {}", ReturnAddress(*first));
        }
    }
}

/// Logs frames, each function as a message of its own, so that the log keeps all of them. Inlined functions of the
/// standard library and the allocator are left out: they are many, and say little.
pub(super) fn show(frames: impl Iterator<Item = usize>) {
    for address in frames {
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

//! Call stacks in the heap's reports: the functions that called the allocator, a frame a message.
//!
//! Who can name code registers itself; until then, and where it knows nothing, an address stands for itself.

use core::fmt;

use memstat::report::ShownStacks;
use spin::Once;

use crate::arch::{backtrace, image};

/// Takes the text of one function.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(fmt::Arguments<'_>);

/// Who can name code.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    /// Passes on the functions worth reporting that the call before a return address lies in, the innermost first:
    /// inlined functions of the standard library and the allocator are many, and say little.
    pub(crate) functions: fn(usize, Visit<'_>),
    /// Writes the outermost of them, with the line of the call.
    pub(crate) place: fn(usize, &mut fmt::Formatter<'_>) -> fmt::Result,
}

static NAMES: Once<Names> = Once::new();

/// Has code named by `names` from now on.
pub(crate) fn name_by(names: Names) {
    NAMES.call_once(|| names);
}

/// The functions that called the allocator, from below the frame at `frame_pointer`.
pub(super) fn callers(frame_pointer: usize) -> impl Iterator<Item = usize> {
    backtrace::walk(frame_pointer).skip_while(|address| image::is_allocator_text(*address))
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
            log::error!("    ... as above from {}", Place(*first));
        }
    }
}

/// Logs frames, each function as a message of its own, so that the log keeps all of them.
pub(super) fn show(frames: impl Iterator<Item = usize>) {
    for address in frames {
        let mut is_named = false;
        if let Some(names) = NAMES.get() {
            (names.functions)(address, &mut |function| {
                is_named = true;
                log::error!("    {function}");
            });
        }
        if !is_named {
            log::error!("    {address:#018x}");
        }
    }
}

/// A return address as the function and the line of its call.
pub(super) struct Place(pub(super) usize);

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get() {
            Some(names) => (names.place)(self.0, out),
            None => write!(out, "{:#018x}", self.0),
        }
    }
}

//! Call stacks in the heap's reports: the functions that called the allocator, one message per frame.
//!
//! `symbols` registers functions that resolve addresses to names; until then, and for unknown code, addresses are shown.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use memstat::Stack;
use memstat::report::{ShownStacks, frames_before_end};
use spin::Once;

use crate::arch::{VAddr, backtrace, image};
use crate::memory::whatis::Answer;

/// Receives the text of one function.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(fmt::Arguments<'_>);

/// Functions that resolve addresses to names.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    /// Passes on the functions that contain the call before a return address, innermost first, without inlined
    /// functions of the standard library and the allocator.
    pub(crate) functions: fn(VAddr, Visit<'_>),
    /// Writes the outermost of these functions, with the line of the call.
    pub(crate) place: fn(VAddr, &mut fmt::Formatter<'_>) -> fmt::Result,
    /// Writes what an address is, in a line.
    pub(crate) answer: fn(&Answer, &mut fmt::Formatter<'_>) -> fmt::Result,
}

static NAMES: Once<Names> = Once::new();

/// Registers the functions.
pub(crate) fn name_by(names: Names) {
    NAMES.call_once(|| names);
}

/// Whether call stacks are shown up to their outermost frame.
static SHOWS_ALL_FRAMES: AtomicBool = AtomicBool::new(false);

/// Shows call stacks up to their outermost frame, or up to the function of the command that ran, or of the boot.
pub(crate) fn show_all_frames(shows_all: bool) {
    SHOWS_ALL_FRAMES.store(shows_all, Ordering::Relaxed);
}

/// Whether call stacks are shown up to their outermost frame.
pub(crate) fn shows_all_frames() -> bool {
    SHOWS_ALL_FRAMES.load(Ordering::Relaxed)
}

/// The frames of a recorded call stack that are shown, innermost first.
pub(crate) fn shown_frames(stack: &Stack) -> impl Iterator<Item = VAddr> {
    shown(stack.frames().iter().copied().map(VAddr::from_usize))
}

fn shown(frames: impl Iterator<Item = VAddr>) -> impl Iterator<Item = VAddr> {
    let shows_all = shows_all_frames();
    frames_before_end(frames, move |address| !shows_all && image::is_stack_end(*address))
}

/// The return addresses of the functions that called the allocator, whose frame is at `frame_pointer`.
pub(super) fn callers(frame_pointer: VAddr) -> impl Iterator<Item = VAddr> {
    backtrace::walk(frame_pointer).skip_while(|address| image::is_allocator_text(*address))
}

/// The call stacks of one report: the outer frames that two of them share are logged once.
pub(super) struct Stacks(ShownStacks);

impl Stacks {
    /// No stack was logged.
    pub(super) const fn new() -> Self {
        Self(ShownStacks::new())
    }

    /// Logs a recorded call stack, without the outer frames that were logged before.
    pub(super) fn show_recorded(&mut self, stack: &Stack) {
        self.show(stack.frames().iter().copied().map(VAddr::from_usize));
    }

    /// Logs a call stack, without the outer frames that were logged before.
    pub(super) fn show(&mut self, frames: impl Iterator<Item = VAddr>) {
        let stack = self.0.add(shown(frames).map(VAddr::as_usize));
        write(stack.own().iter().copied().map(VAddr::from_usize));
        if let [first, ..] = stack.shared() {
            log::error!("    ... as above from {}", Place(VAddr::from_usize(*first)));
        }
    }
}

/// Logs one call stack.
pub(super) fn show(frames: impl Iterator<Item = VAddr>) {
    write(shown(frames));
}

/// Logs frames, each function as a message of its own, so that the log keeps all of them.
fn write(frames: impl Iterator<Item = VAddr>) {
    for address in frames {
        let mut is_named = false;
        if let Some(names) = NAMES.get() {
            (names.functions)(address, &mut |function| {
                is_named = true;
                log::error!("    {function}");
            });
        }
        if !is_named {
            log::error!("    {:#018x}", address.as_usize());
        }
    }
}

/// What an address is, in words; nothing without names.
pub(super) struct Described<'a>(pub(super) &'a Answer);

impl fmt::Display for Described<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        NAMES.get().map_or(Ok(()), |names| (names.answer)(self.0, out))
    }
}

/// A return address as the function and the line of its call.
pub(super) struct Place(pub(super) VAddr);

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get() {
            Some(names) => (names.place)(self.0, out),
            None => write!(out, "{:#018x}", self.0.as_usize()),
        }
    }
}

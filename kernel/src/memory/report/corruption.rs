//! Reports of bad frees and of corruption, with the call stacks of the block's allocation and free.
//!
//! The tracker's lock is not held here. Each line is a message of its own, so that the log keeps all of them.

use memstat::{BadFree, Corruption, Level, Platform, Record};

use super::call_stack::{Stacks, callers};
use crate::arch::VAddr;
use crate::memory::heap::tracker;
use journal::Seconds;

/// Reports a free that was refused. `frame_pointer` is the frame of the allocator's function.
pub(crate) fn report_bad_free(bad: &BadFree, frame_pointer: VAddr) {
    let mut stacks = Stacks::new();
    log::error!("{bad}; ignored");
    log::error!("  this free:");
    stacks.show(callers(frame_pointer));
    match &bad.block {
        Some(block) => show_allocation(block, &mut stacks),
        None if tracker().level() < Level::Stacks => {
            log::error!("  who allocated it was not recorded; set memstat=stacks");
        }
        None => {}
    }
    match &bad.free {
        Some(free) if bad.is_free_stack_cut => {
            log::error!("  freed first, {}; its innermost callers (guard=free keeps them all):", Event(free));
            show_stack_of(free, "", &mut stacks);
        }
        Some(free) => show_free("freed first", free, &mut stacks),
        None => {}
    }
}

/// Reports what a guard has found. `frame_pointer` is the frame of the allocator's function.
pub(crate) fn report(corruption: &Corruption, frame_pointer: VAddr) {
    let mut stacks = Stacks::new();
    log::error!("{corruption}");
    show_life(Some(&corruption.block), corruption.free.as_ref(), &mut stacks);
    log::error!("  found by:");
    stacks.show(callers(frame_pointer));
}

/// Logs the call stacks of a block's allocation and free, as far as they were recorded.
pub(crate) fn show_life(block: Option<&Record>, free: Option<&Record>, stacks: &mut Stacks) {
    if let Some(block) = block {
        show_allocation(block, stacks);
    }
    if let Some(free) = free {
        show_free("freed", free, stacks);
    }
}

fn show_allocation(block: &Record, stacks: &mut Stacks) {
    log::error!("  allocated with {} bytes, {}:", block.size_bytes(), Event(block));
    show_stack_of(block, "memstat=stacks keeps it", stacks);
}

fn show_free(words: &str, free: &Record, stacks: &mut Stacks) {
    log::error!("  {words}, {}:", Event(free));
    show_stack_of(free, "guard=free and memstat=stacks keep it", stacks);
}

/// Time, task and CPU of an event, with its sequence number.
struct Event<'a>(&'a Record);

impl core::fmt::Display for Event<'_> {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self(record) = self;
        // A free has a sequence number only at level `full`.
        if record.sequence() > 0 {
            write!(out, "event {} ", record.sequence())?;
        }
        let time = Seconds(tracker().platform().stamp_to_ns(record.stamp()));
        write!(out, "at {time} s by task {} on CPU {}", record.task(), record.cpu())
    }
}

fn show_stack_of(record: &Record, remedy: &str, stacks: &mut Stacks) {
    match tracker().stacks().get(record.stack()) {
        Some(stack) => stacks.show_recorded(&stack),
        None => log::error!("    no call stack was recorded; {remedy}"),
    }
}

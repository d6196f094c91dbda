//! Reports of bad frees, of blocks and of pages, and of corruption, with the call stacks of the block's allocation and free.
//!
//! The tracker's lock is not held here. Each line is a message of its own, so that the log keeps all of them.

use memstat::{BadFree, Corruption, Level, Platform, Record};

use super::call_stack::{Described, Stacks, callers};
use crate::arch::VAddr;
use crate::memory::heap::tracker;
use crate::memory::ledger::Ledger;
use crate::memory::whatis::Answer;
use journal::Seconds;

/// Reports a free that was refused. `frame_pointer` is the frame of the allocator's function.
pub(crate) fn report_bad_free(bad: &BadFree, frame_pointer: VAddr) {
    log::error!("{bad}; ignored");
    show_bad_free(Ledger::Blocks, bad, frame_pointer);
}

/// As [`report_bad_free`], for pages.
pub(crate) fn report_bad_page_free(bad: &BadFree, frame_pointer: VAddr) {
    log::error!("pages: {bad}; ignored");
    show_bad_free(Ledger::Pages, bad, frame_pointer);
}

fn show_bad_free(of: Ledger, bad: &BadFree, frame_pointer: VAddr) {
    let mut stacks = Stacks::new();
    log::error!("  this free:");
    stacks.show(callers(frame_pointer));
    match &bad.block {
        Some(block) => show_allocation(of, block, &mut stacks),
        None if of.level() < Level::Stacks => {
            log::error!("  who allocated it was not recorded; set {}=stacks", of.level_option());
        }
        None => {}
    }
    match &bad.free {
        Some(free) if bad.is_free_stack_cut => {
            let remedy = if of == Ledger::Blocks { " (guard=free keeps them all)" } else { "" };
            log::error!("  freed first, {}; its innermost callers{remedy}:", Event(free));
            show_stack_of(of, free, "", &mut stacks);
        }
        Some(free) => show_free(of, "freed first", free, &mut stacks),
        None => {}
    }
}

/// Reports what a guard has found. `frame_pointer` is the frame of the allocator's function.
pub(crate) fn report(corruption: &Corruption, frame_pointer: VAddr) {
    let mut stacks = Stacks::new();
    log::error!("{corruption}");
    show_addresses(corruption);
    show_life(Some(&corruption.block), corruption.free.as_ref(), &mut stacks);
    log::error!("  found by:");
    stacks.show(callers(frame_pointer));
}

/// Logs what the words that were written are addresses of: they may tell who wrote them.
fn show_addresses(corruption: &Corruption) {
    const WORD_BYTES: usize = size_of::<usize>();
    let first = corruption.block.address().wrapping_add_signed(corruption.offset);
    let seen = corruption.seen().get(first.wrapping_neg() % WORD_BYTES..).unwrap_or_default();
    for word in seen.chunks_exact(WORD_BYTES) {
        let word = usize::from_ne_bytes(word.try_into().unwrap_or_default());
        let answer = Answer::of_virtual(VAddr::from_usize(word));
        if answer.is_something() {
            log::error!("  {word:#x} is {}", Described(&answer));
        }
    }
}

/// Logs the call stacks of a block's allocation and free, as far as they were recorded.
pub(crate) fn show_life(block: Option<&Record>, free: Option<&Record>, stacks: &mut Stacks) {
    if let Some(block) = block {
        show_allocation(Ledger::Blocks, block, stacks);
    }
    if let Some(free) = free {
        show_free(Ledger::Blocks, "freed", free, stacks);
    }
}

/// Logs who took and who freed a run of pages.
pub(super) fn show_page_life(run: &Record, free: &Record, stacks: &mut Stacks) {
    show_allocation(Ledger::Pages, run, stacks);
    show_free(Ledger::Pages, "freed", free, stacks);
}

fn show_allocation(of: Ledger, block: &Record, stacks: &mut Stacks) {
    log::error!("  allocated with {} bytes, {}:", block.size_bytes(), Event(block));
    show_stack_of(of, block, "", stacks);
}

fn show_free(of: Ledger, words: &str, free: &Record, stacks: &mut Stacks) {
    log::error!("  {words}, {}:", Event(free));
    show_stack_of(of, free, if of == Ledger::Blocks { "guard=free " } else { "" }, stacks);
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

/// `more` is what keeps a call stack besides the level.
fn show_stack_of(of: Ledger, record: &Record, more: &str, stacks: &mut Stacks) {
    match of.stack(record.stack()) {
        Some(stack) => stacks.show_recorded(&stack),
        None => log::error!("    no call stack was recorded; set {more}{}=stacks", of.level_option()),
    }
}

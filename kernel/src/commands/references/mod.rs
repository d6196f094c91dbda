//! `refs`, `why` and `retained`: who refers to a block, why it is reachable, and which call stacks keep most alive.
//!
//! They answer as mdb's `::findref` and heap analysers do, but on the running kernel, and take nothing from the heap.
//! See docs/leaks.md.

mod place;
mod refs;
mod retained;
mod why;

use memstat::Level;
use shell::{Command, Session};

use crate::memory::heap::tracker;
use crate::memory::leaks::references::{Failure, Target};

pub(super) static COMMANDS: &[Command] = &[refs::COMMAND, retained::COMMAND, why::COMMAND];

/// An address that is typed. Says so if it is none.
// Never a part of its caller: the address must not stay on the stack that is searched.
#[inline(never)]
fn target(session: &mut Session, command: &str, word: &str) -> Option<Target> {
    super::words::address(session, command, word).map(Target::of)
}

/// Says why there is no answer.
fn report(session: &mut Session, command: &str, failure: Failure) {
    match failure {
        Failure::OutOfMemory => {
            session.report_failure(format_args!("{command}: out of memory for a table of all blocks"));
        }
        Failure::Stopped => session.report_failure(format_args!("{command}: stopped before its end")),
    }
}

/// Says what is missing below the level at which blocks are recorded.
fn warn_of_level(session: &mut Session) {
    if let Err(error) = tracker().level().require(Level::Blocks) {
        session.print(format_args!("{error}\n"));
    }
}

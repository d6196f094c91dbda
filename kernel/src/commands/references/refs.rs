//! `refs`: all words in variables, stacks and blocks that hold an address of a block.

use memstat::Reference;
use shell::{Command, Options, Session, Syntax};

use super::place::{Block, Root};
use crate::arch::VAddr;
use crate::memory::leaks::references::{self, Target};

pub(super) const COMMAND: Command = Command {
    name: "refs",
    usage: "refs ADDRESS",
    summary: "show what refers to the block at an address: variables, stack frames and other blocks",
    syntax: Syntax::operands(1, 1),
    run,
};

#[inline(never)]
fn run(session: &mut Session, options: &Options<'_>) {
    let word = options.operands.first().copied().unwrap_or_default();
    let Some(target) = super::target(session, COMMAND.name, word) else { return };
    show_target(session, target);
    let start = target.start();
    let mut count = 0_usize;
    references::find(target, &mut |reference| {
        count += 1;
        show(session, &reference, start);
        !session.is_interrupted()
    });
    let plural = if count == 1 { "" } else { "s" };
    session.print(format_args!("{count} reference{plural}\n"));
    super::warn_of_level(session);
}

#[inline(never)]
fn show_target(session: &mut Session, target: Target) {
    match target.block() {
        Some(block) => session.print(format_args!("{}\n", Block(block))),
        None => {
            session.print(format_args!("{:#x} is in no live block; words that hold it:\n", target.address()));
        }
    }
}

/// Shows where the reference is, and how far inside the block it points.
#[inline(never)]
fn show(session: &mut Session, reference: &Reference, start: Target) {
    let inside = reference.target.wrapping_sub(start.address());
    match reference.holder {
        None => {
            session.print(format_args!("    {} -> +{inside:#x}\n", Root(VAddr::from_usize(reference.place))));
        }
        Some(holder) => {
            let offset = reference.place - holder.address();
            session.print(format_args!("    +{offset:#x} of {} -> +{inside:#x}\n", Block(holder)));
        }
    }
}

//! `why`: the shortest chain of references that keeps a block reachable.

use memstat::{Chain, Link};
use shell::{Command, Options, Session, Syntax};

use super::place::{Block, Root};
use crate::arch::VAddr;
use crate::memory::heap::tracker;
use crate::memory::leaks::references::{self, Failure, Target};

pub(super) const COMMAND: Command = Command {
    name: "why",
    usage: "why ADDRESS",
    summary: "show the shortest chain of references from a variable or stack to the block at an address",
    syntax: Syntax::operands(1, 1),
    run,
};

/// Blocks that are shown at both ends of a long chain.
const SHOWN_AT_ENDS: usize = 8;

#[inline(never)]
fn run(session: &mut Session, options: &Options<'_>) {
    let word = options.operands.first().copied().unwrap_or_default();
    let Some(target) = super::target(session, COMMAND.name, word) else { return };
    if !is_live(session, target) {
        return super::warn_of_level(session);
    }
    if let Err(failure) = explain(session, target) {
        super::report(session, COMMAND.name, failure);
    }
}

#[inline(never)]
fn is_live(session: &mut Session, target: Target) -> bool {
    let is_live = target.block().is_some();
    if !is_live {
        session.report_failure(format_args!("why: {:#x} is in no live block", target.address()));
    }
    is_live
}

fn explain(session: &mut Session, target: Target) -> Result<(), Failure> {
    let mut nodes = references::nodes()?;
    match references::chain(target, nodes.as_mut_slice(), &mut || !session.is_interrupted())? {
        Some(chain) => show(session, &chain),
        None => session.print(format_args!("no variable, stack or register leads to it: it is a leak\n")),
    }
    Ok(())
}

fn show(session: &mut Session, chain: &Chain<'_>) {
    let length = chain.clone().count();
    let mut holder = 0;
    for (number, link) in chain.clone().enumerate() {
        if number == SHOWN_AT_ENDS && length > 2 * SHOWN_AT_ENDS {
            session.print(format_args!("    ... {} more blocks\n", length - 2 * SHOWN_AT_ENDS));
        }
        if number < SHOWN_AT_ENDS || number + SHOWN_AT_ENDS >= length {
            show_link(session, &link, holder);
        }
        holder = link.address;
    }
}

/// Shows the place of a reference, and the block that it refers to.
fn show_link(session: &mut Session, link: &Link, holder: usize) {
    if holder == 0 {
        session.print(format_args!("{}\n", Root(VAddr::from_usize(link.held_at))));
    } else {
        session.print(format_args!("      at +{:#x} refers to\n", link.held_at - holder));
    }
    match tracker().blocks().get(link.address) {
        Some(block) => session.print(format_args!("    {}\n", Block(block))),
        None => session.print(format_args!("    a block that was freed meanwhile\n")),
    }
}

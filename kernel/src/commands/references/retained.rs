//! `retained`: the call stacks whose blocks keep most memory alive.

use arrayvec::ArrayVec;
use memstat::Retained;
use shell::{Command, Options, Session, Syntax};

use crate::arch::clock;
use crate::memory::heap::tracker;
use crate::memory::leaks::references::{self, Failure};
use crate::memory::report::shown_frames;
use crate::symbols::StackFrame;
use journal::Seconds;

pub(super) const COMMAND: Command = Command {
    name: "retained",
    usage: "retained [-n N]",
    summary: "show the call stacks whose blocks keep most bytes alive, with all that only they refer to",
    syntax: Syntax::operands(0, 0).numbers("n"),
    run,
};

/// Stacks that are shown without an option, and at most.
const DEFAULT_ROWS: u64 = 5;
const MAX_ROWS: usize = 64;

/// A call stack's number, and what it retains.
type Row = (usize, Retained);

fn run(session: &mut Session, options: &Options<'_>) {
    let rows = options.number('n').unwrap_or(DEFAULT_ROWS).min(MAX_ROWS as u64) as usize;
    if let Err(failure) = rank(session, rows) {
        super::report(session, COMMAND.name, failure);
    }
    super::warn_of_level(session);
}

fn rank(session: &mut Session, rows: usize) -> Result<(), Failure> {
    let start_ns = clock::uptime_ns();
    let (by_stack, summary) = references::retained(&mut || !session.is_interrupted())?;
    let took_ns = clock::uptime_ns() - start_ns;
    for (number, retained) in top(by_stack.as_slice(), rows) {
        show(session, number, &retained);
        if session.is_interrupted() {
            return Ok(());
        }
    }
    session.print(format_args!(
        "reachable: {} bytes in {} blocks; not reachable: {} bytes in {} blocks; in {} s\n",
        summary.reachable_bytes,
        summary.reachable_blocks,
        summary.unreachable_bytes,
        summary.unreachable_blocks,
        Seconds(took_ns)
    ));
    Ok(())
}

/// The stacks that retain most, the first one most.
fn top(by_stack: &[Retained], rows: usize) -> ArrayVec<Row, MAX_ROWS> {
    let mut top = ArrayVec::<Row, MAX_ROWS>::new();
    for (number, retained) in by_stack.iter().enumerate().filter(|(_, retained)| retained.blocks > 0) {
        let place = top.partition_point(|(_, known)| known.bytes >= retained.bytes);
        if place < rows {
            if top.len() == rows {
                top.pop();
            }
            top.insert(place, (number, *retained));
        }
    }
    top
}

fn show(session: &mut Session, number: usize, retained: &Retained) {
    let Retained { bytes, own_bytes, blocks, .. } = retained;
    let blocks_word = if *blocks == 1 { "block" } else { "blocks" };
    session.print(format_args!("{bytes} bytes retained by {blocks} {blocks_word} of {own_bytes} bytes: "));
    match tracker().stacks().get(number as u16).filter(|_| number != 0) {
        None => session.print(format_args!("without a call stack\n")),
        Some(stack) => {
            session.print(format_args!("stack {number}\n"));
            for frame in shown_frames(&stack) {
                session.print(format_args!("    {}\n", StackFrame(frame)));
            }
        }
    }
}

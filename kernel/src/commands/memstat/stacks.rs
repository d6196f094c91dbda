//! `memstat stacks`: the call stacks that rank highest.

use memstat::report::Rank;
use memstat::{Platform, Stack};
use shell::{Command, Options, Session, Syntax};

use super::report_unknown;
use crate::memory::heap::tracker;
use crate::memory::report::{shown_frames, taken_bytes_of};
use crate::symbols::{StackFrame, write_stack};
use journal::Seconds;

pub(super) const STACKS: Command = Command {
    name: "stacks",
    usage: "memstat stacks [bytes|blocks|total|rate]",
    summary: "show the call stacks with most live bytes or blocks, most bytes in total, or most bytes a second",
    syntax: Syntax::operands(0, 1),
    run: show_stacks,
};

/// Stacks that a report shows.
const TOP: usize = 5;

fn rank_named(name: &str) -> Option<Rank> {
    Some(match name {
        "bytes" => Rank::LiveBytes,
        "blocks" => Rank::LiveBlocks,
        "total" => Rank::TotalBytes,
        "rate" => Rank::Rate { now: tracker().platform().stamp() },
        _ => return None,
    })
}

/// The stacks that rank highest.
fn show_stacks(session: &mut Session, options: &Options<'_>) {
    let order = options.operands.first().copied().unwrap_or("bytes");
    match rank_named(order) {
        Some(rank) => show_top(session, rank),
        None => report_unknown(session, "order", order, ["bytes", "blocks", "total", "rate"]),
    }
}

fn show_top(session: &mut Session, rank: Rank) {
    let top = tracker().stacks().top::<TOP>(rank);
    if let Rank::Rate { now } = rank {
        return top.iter().for_each(|(number, stack)| write_rate(session, *number, stack, now));
    }
    let mut numbers = [0; TOP];
    numbers.iter_mut().zip(top.iter()).for_each(|(place, (number, _))| *place = *number);
    for ((number, stack), taken_bytes) in top.iter().zip(taken_bytes_of(numbers)) {
        // The session keeps its errors itself.
        let _ = write_stack(*number, stack, Some(taken_bytes), session);
    }
}

/// Writes a stack by what it allocates a second.
fn write_rate(session: &mut Session, number: u16, stack: &Stack, now: u64) {
    let to_ns = |stamp| tracker().platform().stamp_to_ns(stamp);
    let age_ns = to_ns(now).saturating_sub(to_ns(stack.first_stamp)).max(1);
    let bytes_per_s = u128::from(stack.total_bytes) * 1_000_000_000 / u128::from(age_ns);
    session.print(format_args!(
        "stack {number}: {bytes_per_s} bytes a second: {} bytes in {} blocks in {} s\n",
        stack.total_bytes,
        stack.total_blocks,
        Seconds(age_ns)
    ));
    for frame in shown_frames(stack) {
        session.print(format_args!("    {}\n", StackFrame(frame)));
    }
}

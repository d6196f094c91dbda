//! `memstat stacks` and `memstat since`: the call stacks that rank highest, of all blocks or of new ones.

use memstat::report::{Growth, GrowthByStack, Rank, TopStacks};
use memstat::{Platform, Record, Stack};
use shell::{Command, Options, Session, Syntax};

use super::report_unknown;
use crate::memory::Scratch;
use crate::memory::heap::tracker;
use crate::memory::leaks::marks;
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

pub(super) const SINCE: Command = Command {
    name: "since",
    usage: "memstat since MARK",
    summary: "show what came after an event's number or a mark, and is live",
    syntax: Syntax::operands(1, 1),
    run: since,
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

fn since(session: &mut Session, options: &Options<'_>) {
    let Some(mark) = options.operands.first() else { return };
    match mark.parse().ok().or_else(|| Some(marks::find(mark)?.snapshot.sequence)) {
        Some(mark) => show_growth(session, mark),
        None => {
            session.report_failure(format_args!("memstat: {mark}: not a mark; leaks marks lists them"));
        }
    }
}

/// What came since a mark and is still live.
fn show_growth(session: &mut Session, mark: u64) {
    let Some(mut stacks) = Scratch::new(usize::from(tracker().stacks().count()) + 1, Growth::default) else {
        return session.report_failure(format_args!("memstat: out of memory"));
    };
    let mut growth = GrowthByStack::new(mark, tracker().leaks().sequence(), stacks.as_mut_slice());
    let mut records = [Record::EMPTY; 16];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = tracker().blocks().read(from, &mut records);
        records.iter().take(count).for_each(|record| growth.add(record));
        if session.is_interrupted() {
            return;
        }
        cursor = next;
    }
    let (total, without_stack) = (growth.total(), growth.without_stack());
    session.print(format_args!(
        "since {mark}: {} blocks and {} bytes came and are live, {} blocks without a call stack\n",
        total.blocks, total.bytes, without_stack.blocks
    ));
    let mut top = TopStacks::<TOP>::new(Rank::LiveBytes);
    growth.rank(&mut top, |number| tracker().stacks().get(number));
    for (number, stack) in top.iter() {
        let _ = write_stack(*number, stack, None, session);
    }
}

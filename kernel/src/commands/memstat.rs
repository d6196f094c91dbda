//! `memstat`: what the tracker knows, in short, and how much it records.

use memstat::report::{self, Growth, GrowthByStack, Rank, TopStacks};
use memstat::{Event, Level, Platform, Record};
use shell::{Command, Listed, Session};

use crate::memory::Scratch;
use crate::memory::heap::{self, backend_name, tracker};
use crate::memory::leaks::marks;
use crate::memory::report::taken_bytes_of;
use crate::symbols::write_stack;

pub(super) const COMMAND: Command = Command {
    name: "memstat",
    usage: "memstat [summary | stacks [bytes|blocks|total|rate] | mark | since MARK | histogram | history | \
            reset-peaks | level [off|counters|blocks|stacks|full]]",
    summary: "log the heap's active blocks, show its reports, or set what is recorded",
    run,
};

/// Stacks that a report shows.
const TOP: usize = 5;
/// Events that the report shows: the last ones.
const EVENTS: u64 = 20;

fn run(session: &mut Session, words: &[&str]) {
    match words {
        [] => heap::print_mem_stats(),
        ["summary"] => show_summary(session),
        ["stacks"] => show_stacks(session, Rank::LiveBytes),
        ["stacks", rank] => match rank_named(rank) {
            Some(rank) => show_stacks(session, rank),
            None => session.complain(format_args!(
                "memstat: unknown order '{}'; expected bytes, blocks, total or rate",
                rank.escape_debug()
            )),
        },
        ["mark"] => session.print(format_args!("{}\n", tracker().leaks().sequence())),
        ["since", mark] => match mark.parse().ok().or_else(|| Some(marks::find(mark)?.moment.sequence)) {
            Some(mark) => show_growth(session, mark),
            None => session.complain(format_args!(
                "memstat: {}: not a mark; leaks marks lists them",
                mark.escape_debug()
            )),
        },
        // The session keeps its errors itself.
        ["histogram"] => drop(report::write_histogram(&tracker().statistics().histogram(), session)),
        ["history"] => show_history(session),
        ["reset-peaks"] => tracker().statistics().reset_peaks(),
        ["level"] => session.print(format_args!("{}\n", tracker().level())),
        ["level", name] => match Level::from_name(name) {
            Some(level) => tracker().set_level(level),
            None => session.complain(format_args!(
                "memstat: unknown level '{}'; expected {}",
                name.escape_debug(),
                Listed(Level::ALL.map(Level::name))
            )),
        },
        _ => session.show_usage(&COMMAND),
    }
}

fn show_summary(session: &mut Session) {
    let to_ns = |stamp| tracker().platform().stamp_to_ns(stamp);
    let heap = backend_name();
    let (level, counters, since) = (tracker().level(), tracker().counters(), tracker().statistics().since());
    // The session keeps its errors itself.
    let _ = report::write_summary(heap, level, &counters, &since, to_ns, session);
}

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
fn show_stacks(session: &mut Session, rank: Rank) {
    let top = tracker().stacks().top::<TOP>(rank);
    let mut numbers = [0; TOP];
    numbers.iter_mut().zip(top.iter()).for_each(|(place, (number, _))| *place = *number);
    for ((number, stack), taken_bytes) in top.iter().zip(taken_bytes_of(numbers)) {
        // The session keeps its errors itself.
        let _ = write_stack(*number, stack, Some(taken_bytes), session);
    }
}

/// What came since a mark and is still live.
fn show_growth(session: &mut Session, mark: u64) {
    let Some(mut stacks) = Scratch::new(usize::from(tracker().stacks().count()) + 1, Growth::default) else {
        return session.complain(format_args!("memstat: out of memory"));
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

fn show_history(session: &mut Session) {
    let _ = report::write_events_header(session);
    let mut event = [Event::EMPTY];
    let mut cursor = tracker().history().written().saturating_sub(EVENTS);
    loop {
        let part = tracker().history().read(cursor, &mut event);
        if part.count == 0 || session.is_interrupted() {
            return;
        }
        cursor = part.next;
        let [event] = &event;
        let time_ns = tracker().platform().stamp_to_ns(event.record().stamp());
        let _ = report::write_event(event, time_ns, session);
    }
}

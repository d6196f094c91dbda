//! `memstat`: what the tracker knows, in short, and how much it records.

use memstat::report::{self, Rank, TopStacks};
use memstat::{Event, Level, Platform};
use shell::Command;

use super::Session;
use crate::console::Writer;
use crate::memory::heap::{self, tracker};
use crate::symbols::ReturnAddress;

pub(super) const COMMAND: Command<Session> = Command {
    name: "memstat",
    usage: "memstat [stacks | histogram | history | level [off|counters|blocks|stacks|full]]",
    summary: "log the heap's active blocks, show its reports, or set what is recorded",
    run,
};

/// Stacks that the report shows.
const TOP: usize = 5;
/// Events that the report shows: the last ones.
const EVENTS: u64 = 20;

fn run(session: &mut Session, words: &[&str]) {
    match words {
        [] => heap::print_mem_stats(),
        ["stacks"] => show_stacks(),
        // The console takes everything.
        ["histogram"] => drop(report::write_histogram(&tracker().histogram(), &mut Writer)),
        ["history"] => show_history(session),
        ["level"] => session.print(format_args!("{}\n", tracker().level())),
        ["level", name] => match Level::from_name(name) {
            Some(level) => tracker().set_level(level),
            None => session.print(format_args!("memstat: {}: no such level\n", name.escape_debug())),
        },
        _ => session.print(format_args!("usage: {}\n", COMMAND.usage)),
    }
}

/// The stacks with most live bytes.
fn show_stacks() {
    let mut top = TopStacks::<TOP>::new(Rank::LiveBytes);
    for number in 1..=tracker().stack_count() {
        if let Some(stack) = tracker().stack(number) {
            top.add(number, &stack);
        }
    }
    for (number, stack) in top.iter() {
        let _ = report::write_stack(*number, stack, ReturnAddress, &mut Writer);
    }
}

fn show_history(session: &mut Session) {
    let mut event = [Event::EMPTY];
    let mut cursor = tracker().history_end().saturating_sub(EVENTS);
    loop {
        let part = tracker().read_history(cursor, &mut event);
        if part.count == 0 || session.is_interrupted() {
            return;
        }
        cursor = part.next;
        let [event] = &event;
        let time_ns = tracker().platform().stamp_to_ns(event.record().stamp());
        let _ = report::write_event(event, time_ns, &mut Writer);
    }
}

//! `memstat`: what the tracker knows, in short, and how much it records. A subcommand is a row of the table below.

mod balance;
mod stacks;

use memstat::{Event, Level, Platform, report};
use shell::{Command, Listed, Options, Session, Suggestion, Syntax};

use super::leaks::{MARK, SINCE};
use crate::memory::heap::{Stats, backend_name, tracker};
use crate::memory::page_tracker::page_tracker;
use crate::memory::report::{LargestFreeRun, PageUse};

pub(super) const COMMAND: Command = Command {
    name: "memstat",
    usage: "memstat [summary | balance | pages | stacks [bytes|blocks|total|rate] | mark [NAME] | since [NAME] | histogram | \
            history | reset-peaks | level [off|counters|blocks|stacks|full]]",
    summary: "show the heap's active blocks, show its reports, or set what is recorded",
    syntax: Syntax::SUBCOMMAND,
    run,
};

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "summary",
        usage: "memstat summary",
        summary: "show what is live, what is recorded, peaks and totals",
        syntax: Syntax::NOTHING,
        run: show_summary,
    },
    Command {
        name: "pages",
        usage: "memstat pages [off|counters|blocks|stacks|full]",
        summary: "show what pages are taken for, and the largest run of free ones; or set what is recorded of pages",
        syntax: Syntax::operands(0, 1),
        run: pages,
    },
    balance::BALANCE,
    stacks::STACKS,
    Command { usage: "memstat mark [NAME]", ..MARK },
    Command { usage: "memstat since [-a] [-n STACKS] [NAME]", ..SINCE },
    Command {
        name: "histogram",
        usage: "memstat histogram",
        summary: "show allocations by size",
        syntax: Syntax::NOTHING,
        run: show_histogram,
    },
    Command {
        name: "history",
        usage: "memstat history",
        summary: "show the last events, at level full",
        syntax: Syntax::NOTHING,
        run: show_history,
    },
    Command {
        name: "reset-peaks",
        usage: "memstat reset-peaks",
        summary: "set the peaks to what is live",
        syntax: Syntax::NOTHING,
        run: |_, _| tracker().statistics().reset_peaks(),
    },
    Command {
        name: "level",
        usage: "memstat level [off|counters|blocks|stacks|full]",
        summary: "show or set how much is recorded, of blocks and of pages",
        syntax: Syntax::operands(0, 1),
        run: level,
    },
];

/// Events that the report shows: the last ones.
const MAX_EVENTS: u64 = 20;

fn run(session: &mut Session, options: &Options<'_>) {
    match options.operands.as_slice() {
        [] => session.print(format_args!("{}\n", Stats(tracker().counters()))),
        words => session.run_subcommand(&COMMAND, &[SUBCOMMANDS], words),
    }
}

fn level(session: &mut Session, options: &Options<'_>) {
    let Some(name) = options.operands.first() else {
        return session.print(format_args!("{}\n", tracker().level()));
    };
    match Level::from_name(name) {
        Some(level) => {
            tracker().set_level(level);
            page_tracker().set_level(level);
        }
        None => report_unknown(session, "level", name, Level::ALL.map(Level::name)),
    }
}

fn pages(session: &mut Session, options: &Options<'_>) {
    let Some(name) = options.operands.first() else {
        return session.print(format_args!("{PageUse}\nlargest free run: {LargestFreeRun}\n"));
    };
    match Level::from_name(name) {
        Some(level) => page_tracker().set_level(level),
        None => report_unknown(session, "level", name, Level::ALL.map(Level::name)),
    }
}

/// Reports a word that is none of those which may stand there.
fn report_unknown<const COUNT: usize>(
    session: &mut Session,
    what: &str,
    word: &str,
    expected: [&'static str; COUNT],
) {
    session.report_failure(format_args!(
        "memstat: unknown {what} '{word}'{}",
        Suggestion::new(word, expected, format_args!("expected {}", Listed(expected)))
    ));
}

fn show_histogram(session: &mut Session, _: &Options<'_>) {
    // The session keeps its errors itself.
    let _ = report::write_histogram(&tracker().statistics().histogram(), session);
}

fn show_summary(session: &mut Session, _: &Options<'_>) {
    let to_ns = |stamp| tracker().platform().stamp_to_ns(stamp);
    let heap = backend_name();
    let (level, counters, since) = (tracker().level(), tracker().counters(), tracker().statistics().since());
    // The session keeps its errors itself.
    let _ = report::write_summary(heap, level, &counters, &since, to_ns, session);
}

fn show_history(session: &mut Session, _: &Options<'_>) {
    let _ = report::write_events_header(session);
    let mut event = [Event::EMPTY];
    let mut cursor = tracker().history().written().saturating_sub(MAX_EVENTS);
    loop {
        let part = tracker().history().read(cursor, &mut event);
        if part.count == 0 {
            break;
        }
        if session.is_interrupted() {
            return;
        }
        cursor = part.next;
        let [event] = &event;
        let time_ns = tracker().platform().stamp_to_ns(event.record().stamp());
        let _ = report::write_event(event, time_ns, session);
    }
    if let Err(error) = tracker().level().require(Level::Full) {
        session.print(format_args!("{error}\n"));
    } else if !tracker().history().is_on() {
        session.print(format_args!("the history is off; type echo history on > /proc/memstat_control\n"));
    }
}

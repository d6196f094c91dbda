//! `fail sweep`: a command is run again and again, and each time the next of its allocations fails.

use arrayvec::ArrayVec;
use journal::ConsoleLevel;
use memstat::{FaultRule, Faults};
use shell::{Command, Line, Options, Session, Syntax};
use spin::Mutex;

use crate::commands::fail::inner::Work;
use crate::commands::fail::kind::{BLOCKS, Kind, PAGES};
use crate::commands::fail::snapshot::{Change, Snapshot};
use crate::commands::fail::words::Ordinal;
use crate::console::input;
use crate::logger::CONSOLE_LEVEL;

/// Up to here each allocation fails, unless it is said otherwise; behind it each is twice as late as the last, as there
/// may be a hundred thousand.
const ALL_UP_TO: u64 = 300;
/// Runs that left something behind and that are reported.
const MAX_REPORTED: usize = 16;

/// The line that sets right what the other has changed. Too large for the stack.
static CLEANUP: Mutex<Line> = Mutex::new(Line::new());

pub(super) const SWEEP: Command = Command {
    name: "sweep",
    usage: "fail sweep [-c LINE] [-n COUNT] COMMAND...",
    summary: "run a command again and again, each time with the next of its allocations failing",
    syntax: Syntax::at_least(1).values("c").numbers("n").options_first(),
    run,
};

/// What came of the runs.
#[derive(Default)]
struct Findings {
    /// How many allocations of blocks, and of pages, were made to fail.
    runs: [u64; 2],
    reported: ArrayVec<Finding, MAX_REPORTED>,
    /// How many runs left something behind.
    count: u64,
    /// Behind which number not each allocation was made to fail.
    sampled_behind: Option<u64>,
}

/// A run that left something behind.
struct Finding {
    name: &'static str,
    number: u64,
    change: Change,
}

fn run(session: &mut Session, options: &Options<'_>) {
    let all_up_to = options.number('n').unwrap_or(ALL_UP_TO);
    if all_up_to == 0 {
        return session.show_usage(&SWEEP);
    }
    let Some(work) = Work::new(session, &options.operands) else { return };
    let cleanup = match options.value('c').map(|line| Work::line(session, CLEANUP.try_lock()?, line)) {
        Some(None) => return,
        Some(cleanup) => cleanup,
        None => None,
    };

    let console_level = CONSOLE_LEVEL.all()[0];
    // One thousand complaints help nobody.
    CONSOLE_LEVEL.set(ConsoleLevel::QUIET);
    let findings = session.without_output(|session| sweep(session, &work, cleanup.as_ref(), all_up_to));
    CONSOLE_LEVEL.set(console_level);

    report(session, &findings);
    session.set_failed(findings.count > 0);
}

fn sweep(session: &mut Session, work: &Work<'_>, cleanup: Option<&Work<'_>>, all_up_to: u64) -> Findings {
    let mut findings = Findings::default();
    let set_right = |session: &mut Session| {
        if let Some(cleanup) = cleanup {
            cleanup.run(session);
        }
    };
    // The first run lets grow what stays.
    set_right(session);
    work.run(session);
    set_right(session);
    let mut before = Snapshot::take();
    for (place, kind) in [BLOCKS, PAGES].into_iter().enumerate() {
        if input::is_interrupted() {
            break;
        }
        let (mut number, mut last) = (1, 0);
        loop {
            let faults = run_once(session, kind, number, work);
            let has_failed = faults.failed > 0;
            set_right(session);
            let after = Snapshot::take();
            if let Some(change) = after.since(&before) {
                findings.count += 1;
                let _ = findings.reported.try_push(Finding { name: kind.name, number, change });
                before = after;
            }
            // What there is behind the last one, or between that and this one, was left out.
            let is_gap = if has_failed { number > last + 1 } else { faults.seen > last };
            if is_gap {
                findings.sampled_behind = Some(all_up_to);
            }
            if !has_failed || input::is_interrupted() {
                break;
            }
            findings.runs[place] += 1;
            last = number;
            number = if number >= all_up_to { number.saturating_mul(2) } else { number + 1 };
        }
    }
    findings
}

/// Runs the command with this allocation failing, and says what came of that.
fn run_once(session: &mut Session, kind: Kind, number: u64, work: &Work<'_>) -> Faults {
    kind.failures.set(Faults::OFF.with_rule(FaultRule::Nth(number)));
    work.run(session);
    let faults = kind.failures.get();
    kind.failures.set(Faults::OFF);
    faults
}

fn report(session: &mut Session, findings: &Findings) {
    for Finding { name, number, change } in &findings.reported {
        session.print(format_args!("fail: {name} {number}: {change}\n"));
    }
    let [blocks, pages] = findings.runs;
    session
        .print(format_args!("fail: sweep: {blocks} allocations of blocks and {pages} of pages made to fail"));
    if let Some(number) = findings.sampled_behind {
        session.print(format_args!(" (not each behind the {})", Ordinal(number)));
    }
    session.print(format_args!("; "));
    match findings.count {
        0 => session.print(format_args!("nothing was left behind\n")),
        count => session.print(format_args!("{count} runs left something behind\n")),
    }
}

//! `leaks watch`: checks all call stacks again and again, and points at those that only grow.
//!
//! There are no tasks, so nothing but interrupt handlers runs between two looks, unless a command is named that is run
//! before each.

use memstat::{Change, StackUsage, WatchedStack};
use shell::{Command, Options, Session, Suggestion, Syntax};

use super::changes::{Count, Signed, show_frames};
use crate::arch::{VAddr, clock};
use crate::console::{self, input};
use crate::memory::Scratch;
use crate::memory::heap::tracker;
use crate::symbols::ReturnAddress;

pub(super) const WATCH: Command = Command {
    name: "watch",
    usage: "leaks watch [-n SECONDS] [-c COUNT] [COMMAND [WORD...]]",
    summary: "run the command and look, COUNT times or until a key; name what only grows",
    syntax: Syntax::at_least(0).numbers("nc").options_first(),
    run,
};

/// Between two looks unless it is said how many.
const SECONDS: u64 = 1;
const MAX_SECONDS: u64 = 86_400;
/// Stacks that are pointed at after one check, and shown whole at the end.
const MAX_REPORTED: usize = 5;

fn run(session: &mut Session, options: &Options<'_>) {
    let (seconds, count) = (options.number('n').unwrap_or(SECONDS), options.number('c'));
    if !(1..=MAX_SECONDS).contains(&seconds) || count == Some(0) {
        return session.show_usage(&WATCH);
    }
    let command = options.operands.as_slice();
    match command {
        ["leaks", "watch", ..] => {
            return session.report_failure(format_args!("leaks: a watch cannot be watched"));
        }
        [name, ..] if session.command(name).is_none() => {
            let suggestion =
                Suggestion::new(name, session.commands().map(|command| command.name), "try help");
            return session
                .report_failure(format_args!("leaks: {name}: no such command to watch{suggestion}"));
        }
        _ => {}
    }
    let Some(mut watch) = Watch::start() else {
        return session.report_failure(format_args!("leaks: out of memory"));
    };
    let end = if count.is_some() { "Ctrl-C ends it" } else { "any key ends it" };
    session.print(format_args!(
        "watching {} every {} s; {end}\n",
        Count(watch.known.into(), "call stack"),
        seconds
    ));
    let mut looks = 0;
    let typed_before = input::waiting();
    while count.is_none_or(|count| looks < count) {
        if !command.is_empty() {
            // It may be one that puts another output in place.
            session.finish_output("output");
            session.run_words(command);
        }
        if !wait(session, seconds, typed_before, count.is_none()) {
            break;
        }
        looks += 1;
        if !watch.look(session, looks) {
            return session.report_failure(format_args!("leaks: out of memory"));
        }
    }
    watch.show(session, looks);
}

/// Waits so long; false if that was ended: by Ctrl-C, or by any key where that is asked for.
fn wait(session: &Session, seconds: u64, typed_before: usize, is_ended_by_key: bool) -> bool {
    let end_ns = clock::uptime_ns().saturating_add(seconds * 1_000_000_000);
    let is_ended = || session.is_interrupted() || is_ended_by_key && input::waiting() > typed_before;
    while !is_ended() && clock::uptime_ns() < end_ns {
        console::flush();
        clock::idle_unless(|| is_ended() || clock::uptime_ns() >= end_ns);
    }
    let was_ended = is_ended();
    // The key was for this command, unless others were typed before it.
    while was_ended && is_ended_by_key && typed_before == 0 && input::pop().is_some() {}
    !was_ended
}

/// All call stacks, as they are watched.
struct Watch {
    /// By number; the first is not used.
    stacks: Scratch<WatchedStack>,
    /// Stacks that were known at the last look.
    known: u16,
    recorded: StackUsage,
}

impl Watch {
    /// Takes the first look. `None` if there is no memory.
    fn start() -> Option<Self> {
        let snapshot = tracker().leaks().snapshot();
        let mut watch = Self {
            stacks: table(snapshot.stack_count)?,
            known: snapshot.stack_count,
            recorded: snapshot.recorded,
        };
        for (number, stack) in watch.stacks_mut() {
            *stack = WatchedStack::new(held(number));
        }
        Some(watch)
    }

    fn stacks_mut(&mut self) -> impl Iterator<Item = (u16, &mut WatchedStack)> {
        (1..=self.known).zip(self.stacks.as_mut_slice().iter_mut().skip(1))
    }

    /// Checks again, reports by how much all has changed, and points at stacks that have just become ones that only
    /// grow. False if there is no memory for the stacks that are new.
    fn look(&mut self, session: &mut Session, number: u64) -> bool {
        let snapshot = tracker().leaks().snapshot();
        if usize::from(snapshot.stack_count) >= self.stacks.as_slice().len() {
            let Some(mut larger) = table(snapshot.stack_count) else { return false };
            for (new, old) in larger.as_mut_slice().iter_mut().zip(self.stacks.as_slice()) {
                *new = *old;
            }
            self.stacks = larger;
        }
        self.known = snapshot.stack_count;
        let change = Change::between(self.recorded, snapshot.recorded);
        self.recorded = snapshot.recorded;
        if change != Change::default() {
            session.print(format_args!("look {number}: {}\n", Signed(change)));
        }
        let mut reported = 0;
        for (number, stack) in self.stacks_mut() {
            if stack.update(held(number)) {
                reported += 1;
                if reported <= MAX_REPORTED {
                    point_at(session, number, stack);
                }
            }
        }
        if reported > MAX_REPORTED {
            session.print(format_args!("    and {} more\n", reported - MAX_REPORTED));
        }
        true
    }

    /// Shows the stacks that only grew, those first that grew by most bytes.
    fn show(&mut self, session: &mut Session, looks: u64) {
        let mut top: [(i64, u16); MAX_REPORTED] = [(0, 0); MAX_REPORTED];
        let mut found = 0;
        for (number, stack) in self.stacks_mut().filter(|(_, stack)| stack.only_grows()) {
            found += 1;
            let bytes = stack.change().bytes;
            let place = top.partition_point(|other| other.0 >= bytes);
            if let Some(lower @ [_, ..]) = top.get_mut(place..) {
                lower.rotate_right(1);
                lower[0] = (bytes, number);
            }
        }
        let known = self.known;
        session.print(format_args!(
            "after {}: {found} of {} only grew\n",
            Count(looks, "look"),
            Count(known.into(), "call stack")
        ));
        for number in top.into_iter().map(|(_, number)| number).filter(|number| *number != 0) {
            if let Some(stack) = self.stacks.as_slice().get(usize::from(number)) {
                session.print(format_args!(
                    "{} at {}: stack {number}\n",
                    Signed(stack.change()),
                    Count(stack.growths().into(), "look")
                ));
            }
            show_frames(session, number);
        }
        if found > MAX_REPORTED {
            session.print(format_args!("{} of them are not shown\n", found - MAX_REPORTED));
        }
    }
}

/// A table with room for so many stacks, and for some that come later.
fn table(stack_count: u16) -> Option<Scratch<WatchedStack>> {
    const MORE: usize = 64;
    Scratch::new(usize::from(stack_count) + 1 + MORE, WatchedStack::default)
}

fn held(number: u16) -> StackUsage {
    tracker().stacks().get(number).as_ref().map(StackUsage::from).unwrap_or_default()
}

/// One line for a stack that only grows, with the function that asks for its blocks.
fn point_at(session: &mut Session, number: u16, stack: &WatchedStack) {
    session.print(format_args!("  stack {number} only grows: {}", Signed(stack.change())));
    let innermost = tracker().stacks().get(number).and_then(|stack| stack.frames().first().copied());
    match innermost {
        Some(frame) => session.print(format_args!("\n    {}\n", ReturnAddress(VAddr::from_usize(frame)))),
        None => session.print(format_args!("\n")),
    }
}

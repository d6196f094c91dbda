//! `bug`: real faults, to see what the kernel says of them.

use shell::{Command, Session};

use crate::bugs::BUGS;
use crate::memory::heap::tracker;

pub(crate) const COMMAND: Command =
    Command { name: "bug", usage: "bug [NAME]", summary: "make a real fault happen, or list them", run };

fn run(session: &mut Session, words: &[&str]) {
    if words.len() > 1 {
        return session.show_usage(&COMMAND);
    }
    let found = words.first().and_then(|name| BUGS.iter().find(|bug| bug.name == *name));
    if let Some(bug) = found {
        let before = tracker().guards().statistics().corruptions();
        (bug.run)();
        // A person who sees nothing should know that there was something.
        if !bug.found_by.is_empty() && tracker().guards().statistics().corruptions() == before {
            session
                .print(format_args!("bug: done, and not noticed so far; what finds it: {}\n", bug.found_by));
        }
        return;
    }
    if let Some(name) = words.first() {
        let name = name.escape_debug();
        return session.complain(format_args!("bug: {name}: no such bug; bug alone lists them"));
    }
    for bug in &BUGS {
        session.print(format_args!("{:<15} {}", bug.name, bug.summary));
        if !bug.found_by.is_empty() {
            session.print(format_args!("; found by {}", bug.found_by));
        }
        session.print(format_args!("\n"));
    }
}

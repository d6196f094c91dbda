//! `bug`: real faults, to see how the kernel reports them.

use shell::{Command, Options, Session, Suggestion, Syntax};

use crate::bugs::BUGS;
use crate::bugs::found_by::FoundBy;
use crate::memory::heap::tracker;
use crate::memory::page_accounting::damaged_pages;

pub(crate) const COMMAND: Command = Command {
    name: "bug",
    usage: "bug [NAME]",
    summary: "make a real fault happen, or list them",
    syntax: Syntax::operands(0, 1),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let name = options.operands.first();
    let found = name.and_then(|name| BUGS.iter().find(|bug| bug.name == *name));
    if let Some(bug) = found {
        let count = || tracker().guards().statistics().corruptions() + damaged_pages();
        let before = count();
        (bug.run)();
        // Otherwise a person would see nothing at all.
        let is_found = count() > before;
        if bug.found_by != FoundBy::Always && !is_found {
            session.print(format_args!("bug: done, and not noticed so far; {}\n", bug.found_by.next_step()));
        }
        return;
    }
    if let Some(name) = name {
        let suggestion = Suggestion::new(name, BUGS.iter().map(|bug| bug.name), "bug alone lists them");
        return session.report_failure(format_args!("bug: {name}: no such bug{suggestion}"));
    }
    for bug in BUGS {
        session.print(format_args!("{:<18} {}", bug.name, bug.summary));
        if bug.found_by != FoundBy::Always {
            session.print(format_args!("; found by {}", bug.found_by.commands()));
        }
        session.print(format_args!("\n"));
    }
}

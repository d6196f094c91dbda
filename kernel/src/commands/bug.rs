//! `bug`: real faults, to see what the kernel says of them.

use shell::Command;

use super::Session;
use crate::bug;

pub(super) const COMMAND: Command<Session> =
    Command { name: "bug", usage: "bug [NAME]", summary: "make a real fault happen, or list them", run };

fn run(session: &mut Session, words: &[&str]) {
    let found = words.first().and_then(|name| bug::BUGS.iter().find(|bug| bug.name == *name));
    if let Some(bug) = found {
        (bug.run)();
        return;
    }
    if let Some(name) = words.first() {
        session.complain(format_args!("bug: {}: no such bug; there are:", name.escape_debug()));
    }
    for bug in &bug::BUGS {
        session.print(format_args!("{:<15} {}\n", bug.name, bug.summary));
    }
}

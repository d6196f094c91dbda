//! `leaks`: what came and does not go, by marks, and what nothing refers to any more. See docs/leaks.md.
//!
//! A subcommand is a row in the table below and a file of its own. None but the drill takes memory from the heap:
//! they work when that is full.

mod changes;
mod mark;
pub(super) mod scan;
mod since;
mod watch;

use shell::{Command, Session};

use super::lab;

pub(super) const COMMAND: Command = Command {
    name: "leaks",
    usage: "leaks [SUBCOMMAND [WORD...]]",
    summary: "find out what leaks; without a word, list the subcommands",
    run,
};

static SUBCOMMANDS: &[Command] =
    &[mark::MARK, mark::MARKS, mark::CLEAR, since::SINCE, since::DIFF, watch::WATCH, scan::SCAN];

fn run(session: &mut Session, words: &[&str]) {
    let Some((name, rest)) = words.split_first() else { return list(session) };
    match shell::find(SUBCOMMANDS, name).or_else(|| shell::find(lab::LEAKS, name)) {
        Some(command) => (command.run)(session, rest),
        None => {
            session.complain(format_args!("leaks: {}: no such subcommand; type leaks", name.escape_debug()));
        }
    }
}

fn list(session: &mut Session) {
    for command in SUBCOMMANDS.iter().chain(lab::LEAKS) {
        session.print(format_args!("{}\n    {}\n", command.usage, command.summary));
    }
}

//! `leaks`: what came and does not go, by marks, and what nothing refers to any more. See docs/leaks.md.
//!
//! A subcommand is a row in the table below and a file of its own. None but the drill takes memory from the heap:
//! they work when that is full.

mod changes;
mod mark;
pub(super) mod page_leaks;
mod page_since;
pub(super) mod scan;
mod since;
mod watch;

use shell::{Command, Options, Session, Syntax};

use super::lab;
// `memstat` has the same subcommands.
pub(super) use mark::MARK;
pub(super) use since::SINCE;

pub(super) const COMMAND: Command = Command {
    name: "leaks",
    usage: "leaks [SUBCOMMAND [WORD...]]",
    summary: "find out what leaks; without a word, list the subcommands",
    syntax: Syntax::SUBCOMMAND,
    run,
};

static SUBCOMMANDS: &[Command] =
    &[MARK, mark::MARKS, mark::CLEAR, SINCE, since::DIFF, watch::WATCH, scan::SCAN];

fn run(session: &mut Session, options: &Options<'_>) {
    match options.operands.as_slice() {
        [] => list(session),
        words => session.run_subcommand(&COMMAND, &[SUBCOMMANDS, lab::LEAKS], words),
    }
}

fn list(session: &mut Session) {
    for command in SUBCOMMANDS.iter().chain(lab::LEAKS) {
        session.print(format_args!("{}\n    {}\n", command.usage, command.summary));
    }
}

//! `leaks`: blocks that were lost, found in several ways. Each has a file of its own, in one table.

mod drill;
mod scan;

use shell::Command;

use super::Session;

pub(super) const COMMAND: Command<Session> = Command {
    name: "leaks",
    usage: "leaks scan | drill [SEED [BLOCKS]] | drill plant [SEED [BLOCKS]] | drill free",
    summary: "find blocks that nothing refers to any more, or try how well that works",
    run,
};

/// A way to find leaks.
struct Subcommand {
    name: &'static str,
    /// Takes the words behind the name; false if it cannot make sense of them.
    run: fn(&mut Session, &[&str]) -> bool,
}

static SUBCOMMANDS: [Subcommand; 2] =
    [Subcommand { name: "scan", run: scan::run }, Subcommand { name: "drill", run: drill::run }];

fn run(session: &mut Session, words: &[&str]) {
    let found = words.split_first().and_then(|(name, rest)| {
        let subcommand = SUBCOMMANDS.iter().find(|subcommand| subcommand.name == *name)?;
        Some((subcommand, rest))
    });
    if !found.is_some_and(|(subcommand, rest)| (subcommand.run)(session, rest)) {
        session.show_usage(&COMMAND);
    }
}

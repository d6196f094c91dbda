//! `help`: all commands on one screen, or one command explained.

use crate::command::Command;
use crate::nearest::Suggestion;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "help",
    usage: "help [COMMAND...]",
    summary: "list the commands, or explain those named",
    syntax: Syntax::at_least(0),
    run,
};

/// Names in a row; each takes 10 of 80 characters.
const COLUMNS: usize = 8;

fn run(session: &mut Session, options: &Options<'_>) {
    if options.operands.is_empty() {
        list(session);
    }
    for name in &options.operands {
        let Some(command) = session.command(name) else {
            let suggestion = Suggestion::new(name, names(session), "try help");
            session.report_failure(format_args!("help: {name}: no such command{suggestion}"));
            continue;
        };
        session.explain(command);
    }
}

fn list(session: &mut Session) {
    // Sorted down the columns, as ls(1) does.
    let rows = session.commands().count().div_ceil(COLUMNS);
    for row in 0..rows {
        for name in names(session).skip(row).step_by(rows) {
            session.print(format_args!("{name:<10}"));
        }
        session.print(format_args!("\n"));
    }
    session.print(format_args!(
        "\nhelp COMMAND explains one. Commands read files, or the input from < or |.\n\
         ;  &&  ||  |  ( )  < FILE  > FILE  >> FILE  work as in POSIX; Ctrl-C ends them.\n{}",
        session.host.hints()
    ));
}

/// The names of all commands, sorted. Each is found by a search for the next greater one, which needs no memory.
fn names(session: &Session) -> impl Iterator<Item = &'static str> + use<> {
    let names = session.commands().map(|command| command.name);
    let first = names.clone().min();
    core::iter::successors(first, move |last| names.clone().filter(|name| name > last).min())
}

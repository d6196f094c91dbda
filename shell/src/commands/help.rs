//! `help`: what there is, on one screen.

use crate::command::Command;
use crate::session::Session;

pub(super) const COMMAND: Command =
    Command { name: "help", usage: "help [COMMAND]", summary: "list the commands, or explain one", run };

/// Names in a row of 80 characters.
const COLUMNS: usize = 8;

fn run(session: &mut Session, names: &[&str]) {
    if names.is_empty() {
        list(session);
    }
    for name in names {
        match session.command(name) {
            Some(command) => session.print(format_args!("{}: {}\n", command.usage, command.summary)),
            None => session.complain(format_args!("help: {}: no such command", name.escape_debug())),
        }
    }
}

fn list(session: &mut Session) {
    // They run down the columns.
    let rows = session.commands().count().div_ceil(COLUMNS);
    for row in 0..rows {
        for name in names(session).skip(row).step_by(rows) {
            session.print(format_args!("{name:<10}"));
        }
        session.print(format_args!("\n"));
    }
    session.print(format_args!(
        "\nhelp COMMAND explains one. Input is the files named, or what < or | gives.\n\
         ;  &&  ||  |  ( )  < FILE  > FILE  >> FILE  work as in POSIX; Ctrl-C ends them.\n{}",
        session.host.hints()
    ));
}

/// The names of all tables in their order, found one by one: there are few.
fn names(session: &Session) -> impl Iterator<Item = &'static str> + use<> {
    let names = session.commands().map(|command| command.name);
    let first = names.clone().min();
    core::iter::successors(first, move |last| names.clone().filter(|name| name > last).min())
}

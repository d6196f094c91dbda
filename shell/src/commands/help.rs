//! `help`: all commands on one screen, or one command explained.

use crate::command::Command;
use crate::nearest::Suggestion;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "help",
    usage: "help [COMMAND...]",
    summary: "list the commands, or explain those named; help keys: what the keys do in a line",
    syntax: Syntax::at_least(0),
    run,
};

/// A word that is no command.
const KEYS_TOPIC: &str = "keys";

/// What the line editor does with each key.
const KEYS: &str = "\
Left, Right           a character to the left, to the right
Home or Ctrl-A        to the beginning of the line
End or Ctrl-E         to its end
Up, Down              an earlier line, a later one: the last 12 are kept
Backspace, Delete     deletes the character before the cursor, the one under it
Ctrl-U                deletes the whole line
Ctrl-K                deletes from the cursor to the end of the line
Ctrl-C                drops the line, or ends what runs
Ctrl-L                clears the screen
";

/// Names in a row; each takes 10 of 80 characters.
const COLUMNS: usize = 8;

fn run(session: &mut Session, options: &Options<'_>) {
    if options.operands.is_empty() {
        list(session);
    }
    for name in &options.operands {
        if *name == KEYS_TOPIC {
            session.print(format_args!("{KEYS}"));
            continue;
        }
        let Some(command) = session.command(name) else {
            let topics = names(session).chain([KEYS_TOPIC]);
            let suggestion = Suggestion::new(name, topics, "try help");
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
        "\nhelp COMMAND explains one, help keys the keys.\n\
         Commands read files, or the input from < or |.\n\
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

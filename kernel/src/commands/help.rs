//! `help`: what there is, on one screen.

use shell::Command;

use super::Session;

pub(super) const COMMAND: Command<Session> =
    Command { name: "help", usage: "help [COMMAND]", summary: "list the commands, or explain one", run };

/// Names in a row of 80 characters.
const COLUMNS: usize = 8;

fn run(session: &mut Session, names: &[&str]) {
    if names.is_empty() {
        // They run down the columns.
        let rows = super::TABLE.len().div_ceil(COLUMNS);
        for row in 0..rows {
            for command in super::TABLE.iter().skip(row).step_by(rows) {
                session.print(format_args!("{:<10}", command.name));
            }
            session.print(format_args!("\n"));
        }
        session.print(format_args!(
            "\nhelp COMMAND explains one. Input is the files named, or what < or | gives.\n\
             ;  &&  ||  |  ( )  < FILE  > FILE  >> FILE  work as in POSIX; Ctrl-C ends them.\n\
             The kernel's figures are files: ls /proc, cat /proc/meminfo, head /proc/allocs.\n\
             A leak: leaks mark, work, leaks since; block by block: diff of two /proc/allocs.\n"
        ));
    }
    for name in names {
        match shell::find(super::TABLE, name) {
            Some(command) => session.print(format_args!("{}: {}\n", command.usage, command.summary)),
            None => session.complain(format_args!("help: {}: no such command", name.escape_debug())),
        }
    }
}

//! `help`: what there is.

use shell::Command;

use super::Session;

pub(super) const COMMAND: Command<Session> =
    Command { name: "help", usage: "help [COMMAND]", summary: "list the commands, or explain one", run };

fn run(session: &mut Session, names: &[&str]) {
    if names.is_empty() {
        for command in &super::TABLE {
            session.print(format_args!("{:<10} {}\n", command.name, command.summary));
        }
        session.print(format_args!("The kernel's figures are files: ls /proc, then cat /proc/meminfo.\n"));
    }
    for name in names {
        match shell::find(&super::TABLE, name) {
            Some(command) => session.print(format_args!("{}: {}\n", command.usage, command.summary)),
            None => session.print(format_args!("help: {}: no such command\n", name.escape_debug())),
        }
    }
}

//! `pwd`: where the shell is.

use shell::Command;

use super::Session;

pub(super) const COMMAND: Command<Session> =
    Command { name: "pwd", usage: "pwd", summary: "show the current directory", run };

fn run(session: &mut Session, _: &[&str]) {
    let cwd = session.cwd;
    session.print(format_args!("{cwd}\n"));
}

//! `pwd`: where the shell is.

use crate::command::Command;
use crate::session::Session;

pub(super) const COMMAND: Command =
    Command { name: "pwd", usage: "pwd", summary: "show the current directory", run };

fn run(session: &mut Session, _: &[&str]) {
    let cwd = session.cwd;
    session.print(format_args!("{cwd}\n"));
}

//! `pwd`: where the shell is.

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "pwd",
    usage: "pwd",
    summary: "show the current directory",
    syntax: Syntax::NOTHING,
    run,
};

fn run(session: &mut Session, _: &Options<'_>) {
    let cwd = session.cwd;
    session.print(format_args!("{}\n", session.shown(&cwd)));
}

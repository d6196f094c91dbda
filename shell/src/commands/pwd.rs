//! `pwd`: prints the current directory.

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "pwd",
    usage: "pwd [-LP]",
    summary: "show the current directory, with links resolved",
    syntax: Syntax::NOTHING.flags("LP"),
    run,
};

fn run(session: &mut Session, _: &Options<'_>) {
    if !session.is_cwd_there() {
        return session.report_gone_cwd("pwd");
    }
    let cwd = session.cwd;
    session.print(format_args!("{}\n", session.shown(&cwd)));
}

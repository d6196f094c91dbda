//! `cd`: goes to another directory.

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "cd",
    usage: "cd [-P] [DIRECTORY]",
    summary: "go to a directory, or to /; -: to the one before; -P: without links in its path, as ever",
    syntax: Syntax::operands(0, 1).flags("P"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let path = options.operands.first().copied().unwrap_or("/");
    let previous = session.previous_cwd;
    let wanted = if path == "-" { previous.as_str() } else { path };
    if wanted.is_empty() && path == "-" {
        return session.report_failure(format_args!("cd: -: there was no directory before"));
    }
    match session.vfs().canonical_directory(&session.cwd, wanted) {
        Ok(cwd) => {
            session.previous_cwd = core::mem::replace(&mut session.cwd, cwd);
            if path == "-" {
                session.print(format_args!("{}\n", session.shown(&cwd)));
            }
        }
        Err(error) => session.fail("cd", wanted, error),
    }
}

//! `cd`: goes to another directory.

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "cd",
    usage: "cd [DIRECTORY]",
    summary: "go to a directory, or to /",
    syntax: Syntax::operands(0, 1),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let path = options.operands.first().copied().unwrap_or("/");
    match session.vfs().canonical_directory(&session.cwd, path) {
        Ok(cwd) => session.cwd = cwd,
        Err(error) => session.fail("cd", path, error),
    }
}

//! `cd`: goes to another directory.

use crate::command::Command;
use crate::session::Session;

pub(super) const COMMAND: Command =
    Command { name: "cd", usage: "cd [DIRECTORY]", summary: "go to a directory, or to /", run };

fn run(session: &mut Session, paths: &[&str]) {
    let path = match paths {
        [] => "/",
        [path] => path,
        _ => return session.show_usage(&COMMAND),
    };
    match session.vfs().canonical_directory(&session.cwd, path) {
        Ok(cwd) => session.cwd = cwd,
        Err(error) => session.fail("cd", path, error),
    }
}

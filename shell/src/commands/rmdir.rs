//! `rmdir`: removes empty directories.

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "rmdir",
    usage: "rmdir DIRECTORY...",
    summary: "remove empty directories",
    syntax: Syntax::at_least(1),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    for path in &options.operands {
        if let Err(error) = session.vfs().remove_directory(&session.cwd, path) {
            session.fail(COMMAND.name, path, error);
        }
    }
}

//! `mv`: renames files and directory trees. To another file system they are copied, then the originals are removed.

use vfs::Errno;

use super::rm::remove_tree;
use crate::command::Command;
use crate::copy::copy_tree;
use crate::options::Options;
use crate::paths::{for_each_source, owned, target};
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "mv",
    usage: "mv FROM... TO",
    summary: "rename or move files and directories",
    syntax: Syntax::at_least(2),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let [from @ .., to] = options.operands.as_slice() else { return };
    for_each_source(session, &COMMAND, from, to, |session, path| move_one(session, path, to));
}

fn move_one(session: &mut Session, from: &str, to: &str) {
    let (mut target, mut path) = match (target(session, from, to), owned(from)) {
        (Ok(target), Ok(path)) => (target, path),
        (Err(error), _) | (_, Err(error)) => return session.fail(COMMAND.name, from, error),
    };
    match session.vfs().rename(&session.cwd, from, &target) {
        Ok(()) => {}
        Err(Errno::EXDEV) => {
            copy_tree(session, COMMAND.name, &mut path, &mut target);
            if !session.has_failed() && !session.is_interrupted() {
                remove_tree(session, COMMAND.name, from);
            }
        }
        Err(error) => session.fail(COMMAND.name, from, error),
    }
}

//! `cp`: copies files and directory trees.

use vfs::Errno;

use crate::command::Command;
use crate::copy::{copy_file, copy_tree};
use crate::options::Options;
use crate::paths::{for_each_source, owned, target};
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "cp",
    usage: "cp [-rR] FROM... TO",
    summary: "copy files; -r, -R: and directories",
    syntax: Syntax::at_least(2).flags("rR"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let [from @ .., to] = options.operands.as_slice() else { return };
    for_each_source(session, &COMMAND, from, to, |session, path| {
        match (target(session, path, to), owned(path)) {
            (Ok(mut target), Ok(mut path)) if options.has('r') || options.has('R') => {
                copy_tree(session, COMMAND.name, &mut path, &mut target);
            }
            (Ok(_), _) if session.is_directory(path) => session.fail(COMMAND.name, path, Errno::EISDIR),
            (Ok(target), _) => copy_file(session, COMMAND.name, path, &target),
            (Err(error), _) => session.fail(COMMAND.name, to, error),
        }
    });
}

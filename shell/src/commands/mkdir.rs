//! `mkdir`: new directories.

use vfs::{Errno, Result};

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "mkdir",
    usage: "mkdir [-p] DIRECTORY...",
    summary: "make directories; -p: missing parents too",
    syntax: Syntax::at_least(1).flags("p"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    for path in &options.operands {
        let made = if options.has('p') {
            make_all(session, path)
        } else {
            session.vfs().make_directory(&session.cwd, path)
        };
        if let Err(error) = made {
            session.fail(COMMAND.name, path, error);
        }
    }
}

/// Makes the directory and its missing parents.
fn make_all(session: &Session, path: &str) -> Result<()> {
    let ends = path.match_indices('/').map(|(place, _)| place).chain([path.len()]);
    for part in ends.filter_map(|end| path.get(..end)).filter(|part| !part.is_empty()) {
        match session.vfs().make_directory(&session.cwd, part) {
            Err(Errno::EEXIST) if session.is_directory(part) => {}
            Err(Errno::EEXIST) if part.len() < path.len() => return Err(Errno::ENOTDIR),
            made => made?,
        }
    }
    Ok(())
}

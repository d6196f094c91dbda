//! `rm`: removes files and directory trees.

use vfs::{Errno, Kind, Result};

use crate::command::Command;
use crate::options::Options;
use crate::paths::{last_name, owned, push_name};
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "rm",
    usage: "rm [-rRf] FILE...",
    summary: "remove files; -r, -R: and directories, -f: ignore missing files",
    syntax: Syntax::at_least(0).flags("rRf"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    if options.operands.is_empty() && !options.has('f') {
        return session.show_usage(&COMMAND);
    }
    for path in &options.operands {
        match session.vfs().link_metadata(&session.cwd, path) {
            Ok(_) if options.has('r') || options.has('R') => remove_tree(session, COMMAND.name, path),
            Ok(_) => {
                if let Err(error) = session.vfs().unlink(&session.cwd, path) {
                    session.fail(COMMAND.name, path, error);
                }
            }
            Err(Errno::ENOENT) if options.has('f') => {}
            Err(error) => session.fail(COMMAND.name, path, error),
        }
        if session.is_interrupted() {
            return;
        }
    }
}

/// Removes a file, or a directory with its contents. Stops at the first failure and reports it.
pub(super) fn remove_tree(session: &mut Session, command: &str, path: &str) {
    let mut at = match owned(path) {
        // The root, `.` and `..` are never removed, as POSIX asks.
        Ok(_) if matches!(last_name(path), "" | "." | "..") => {
            return session.fail(command, path, Errno::EBUSY);
        }
        // `link/` would empty the target and then fail at the link, so it is refused first.
        Ok(_) if path.ends_with('/') && is_link(session, path.trim_end_matches('/')) => {
            return session.fail(command, path, Errno::ENOTDIR);
        }
        Ok(at) => at,
        Err(error) => return session.fail(command, path, error),
    };
    let mut lengths = arrayvec::ArrayVec::<usize, { vfs::MAX_DEPTH }>::new();
    loop {
        match remove_step(session, &mut at) {
            Ok(Step::Down { length }) => {
                // A tree is no deeper than the longest path, so this does not happen.
                if lengths.try_push(length).is_err() {
                    return session.fail(command, &at, Errno::ENAMETOOLONG);
                }
            }
            Ok(Step::Removed) => match lengths.pop() {
                Some(length) => at.truncate(length),
                None => return,
            },
            Err(error) => return session.fail(command, &at, error),
        }
        if session.is_interrupted() {
            return;
        }
    }
}

fn is_link(session: &Session, path: &str) -> bool {
    session.vfs().link_metadata(&session.cwd, path).is_ok_and(|metadata| metadata.kind == Kind::Link)
}

enum Step {
    /// The path now names the directory's first entry; `length` was its length before.
    Down { length: usize },
    /// What the path named is removed.
    Removed,
}

/// Removes what the path names, or descends to the entry that must be removed first.
fn remove_step(session: &Session, path: &mut vfs::PathBuffer) -> Result<Step> {
    let (vfs, cwd) = (session.vfs(), &session.cwd);
    if vfs.link_metadata(cwd, path)?.kind != Kind::Directory {
        return vfs.unlink(cwd, path).map(|()| Step::Removed);
    }
    let directory = session.open(path)?;
    let first = vfs.read_directory(directory);
    vfs.close(directory)?;
    match first? {
        None => vfs.remove_directory(cwd, path).map(|()| Step::Removed),
        Some(entry) => {
            let length = path.len();
            push_name(path, &entry.name)?;
            Ok(Step::Down { length })
        }
    }
}

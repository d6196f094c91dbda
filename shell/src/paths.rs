//! Paths that commands derive from others.

use vfs::{Errno, PathBuffer, Result};

use crate::command::Command;
use crate::session::Session;

/// The last name of a path: `b` of `/a/b/`.
pub(crate) fn last_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// The directory of a path's last name: `/a` of `/a/b/`.
pub(crate) fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
    }
}

/// A copy of a path, to which names can be added.
pub(crate) fn owned(path: &str) -> Result<PathBuffer> {
    PathBuffer::from(path).map_err(|_| Errno::ENAMETOOLONG)
}

/// Adds a name to a path.
pub(crate) fn push_name(path: &mut PathBuffer, name: &str) -> Result<()> {
    let slash = if path.ends_with('/') { "" } else { "/" };
    path.try_push_str(slash).and_then(|()| path.try_push_str(name)).map_err(|_| Errno::ENAMETOOLONG)
}

/// The target path when `from` is copied or moved to `to`: inside it, if it is a directory.
pub(crate) fn target(session: &Session, from: &str, to: &str) -> Result<PathBuffer> {
    let mut path = owned(to)?;
    if session.is_directory(to) {
        push_name(&mut path, last_name(from))?;
    }
    Ok(path)
}

/// Calls `transfer` for each source path, until Ctrl-C. Several sources need a directory as their target. The command
/// fails if one of them does.
pub(crate) fn for_each_source(
    session: &mut Session,
    command: &Command,
    from: &[&str],
    to: &str,
    mut transfer: impl FnMut(&mut Session, &str),
) {
    if from.len() > 1 && !session.is_directory(to) {
        return session.fail(command.name, to, Errno::ENOTDIR);
    }
    let mut status = 0;
    for path in from {
        session.status = 0;
        transfer(session, path);
        status = status.max(session.status);
        if session.is_interrupted() {
            break;
        }
    }
    session.status = status;
}

impl Session {
    /// Whether the current directory still exists under its path: it may have been moved or removed.
    pub(crate) fn is_cwd_there(&self) -> bool {
        self.is_directory(&self.cwd)
    }

    /// Reports that the current directory no longer exists, and how to leave it.
    pub(crate) fn report_gone_cwd(&mut self, command: &str) {
        let cwd = self.cwd;
        self.report_failure(format_args!(
            "{command}: {cwd}: the current directory is gone; cd .. or cd / leaves it"
        ));
    }

    /// Whether a path leads to a directory.
    pub(crate) fn is_directory(&self, path: &str) -> bool {
        self.vfs().metadata(&self.cwd, path).is_ok_and(|metadata| metadata.kind == vfs::Kind::Directory)
    }
}

//! Paths that commands make of others.

use vfs::{Errno, PathBuffer, Result};

use super::Session;

/// The last name of a path: `b` of `/a/b/`.
pub(super) fn last_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// The directory that a path's last name stands in: `/a` of `/a/b/`.
pub(super) fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
    }
}

/// A path in memory of its own, so that names can be added.
pub(super) fn owned(path: &str) -> Result<PathBuffer> {
    PathBuffer::from(path).map_err(|_| Errno::ENAMETOOLONG)
}

/// Adds a name to a path.
pub(super) fn push_name(path: &mut PathBuffer, name: &str) -> Result<()> {
    let slash = if path.ends_with('/') { "" } else { "/" };
    path.try_push_str(slash).and_then(|()| path.try_push_str(name)).map_err(|_| Errno::ENAMETOOLONG)
}

/// Where `from` goes when it is copied or moved to `to`: into that, if it is a directory.
pub(super) fn target(session: &Session, from: &str, to: &str) -> Result<PathBuffer> {
    let mut path = owned(to)?;
    if session.is_directory(to) {
        push_name(&mut path, last_name(from))?;
    }
    Ok(path)
}

impl Session {
    /// Whether a path leads to a directory.
    pub(super) fn is_directory(&self, path: &str) -> bool {
        self.vfs().metadata(&self.cwd, path).is_ok_and(|metadata| metadata.kind == vfs::Kind::Directory)
    }
}

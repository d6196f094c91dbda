//! Paths: their limits and their parts.

use arrayvec::ArrayString;

use crate::errno::{Errno, Result};

/// The longest path in bytes, as in Linux (`limits.h`) less the final zero byte.
pub const PATH_MAX: usize = 4095;
/// The longest name in bytes.
pub const NAME_MAX: usize = 255;
/// Directories in a path at most.
pub const MAX_DEPTH: usize = 64;
/// Symbolic links followed in a path at most, as in Linux (`path_resolution(7)`).
pub const MAX_LINKS: usize = 40;
/// The longest path that [`crate::Vfs::canonical_directory`] gives, and the longest text of a symbolic link.
pub const CANONICAL_MAX: usize = 1023;

/// Room for a path without `.`, `..` and needless slashes, or for a link's text.
pub type PathBuffer = ArrayString<CANONICAL_MAX>;

/// Room for any path.
pub(crate) type PathText = ArrayString<PATH_MAX>;

/// Checks a path as a whole. Names are checked step by step.
pub(crate) fn check(path: &str) -> Result<()> {
    if path.is_empty() {
        Err(Errno::ENOENT)
    } else if path.len() > PATH_MAX {
        Err(Errno::ENAMETOOLONG)
    } else if path.contains('\0') {
        Err(Errno::EINVAL)
    } else {
        Ok(())
    }
}

/// The first part of a path that starts with no slash, and the rest with the slashes between; `None` at the
/// end.
pub(crate) fn split_first(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let end = path.find('/').unwrap_or(path.len());
    path.split_at_checked(end).filter(|(first, _)| !first.is_empty())
}

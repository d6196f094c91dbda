//! Paths: their limits and their parts.

use arrayvec::ArrayString;

use crate::errno::{Errno, Result};

/// The longest path in bytes, as in Linux (`limits.h`) less the final zero byte.
pub const PATH_MAX: usize = 4095;
/// The longest name in bytes.
pub const NAME_MAX: usize = 255;
/// Maximum number of directories in a path.
pub const MAX_DEPTH: usize = 64;
/// Maximum number of symbolic links followed in a path, as in Linux (`path_resolution(7)`).
pub const MAX_LINKS: usize = 40;
/// The longest path that [`crate::Vfs::canonical_directory`] gives, and the longest text of a symbolic link.
pub const CANONICAL_MAX: usize = 1023;

/// A buffer for a path without `.`, `..` and redundant slashes, or for the text of a link.
pub type PathBuffer = ArrayString<CANONICAL_MAX>;

/// A buffer for any path.
pub(crate) type PathText = ArrayString<PATH_MAX>;

/// Checks a whole path; its names are checked while it is walked.
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

/// The first name of a path, without leading slashes, and the rest, which begins with a slash or is empty. `None` if there
/// is no name.
pub(crate) fn split_first(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let end = path.find('/').unwrap_or(path.len());
    path.split_at_checked(end).filter(|(first, _)| !first.is_empty())
}

//! Paths: their limits and their parts.

use arrayvec::ArrayString;

use crate::errno::{Errno, Result};

/// The longest path in bytes, as in Linux (`limits.h`) less the final zero byte.
pub const PATH_MAX: usize = 4095;
/// The longest name in bytes.
pub const NAME_MAX: usize = 255;
/// The most directories on the way to a file.
pub const MOST_DEPTH: usize = 64;
/// The longest path that [`crate::Vfs::canonical_directory`] gives.
const CANONICAL_MAX: usize = 1023;

/// Room for a path without `.`, `..` and needless slashes.
pub type PathBuffer = ArrayString<CANONICAL_MAX>;

/// A step along a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// `..`
    Parent,
    /// A name.
    Name(&'a str),
}

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

/// The steps of a path. Repeated slashes and `.` are none.
pub(crate) fn steps(path: &str) -> impl Iterator<Item = Result<Step<'_>>> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").map(|part| match part {
        ".." => Ok(Step::Parent),
        name if name.len() > NAME_MAX => Err(Errno::ENAMETOOLONG),
        name => Ok(Step::Name(name)),
    })
}

/// Whether a path can only mean a directory: `/tmp/`, `/tmp/.`.
pub(crate) fn demands_directory(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.") || path == "."
}

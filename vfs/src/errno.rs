//! Errors by their POSIX names.

use core::fmt;

/// What went wrong. The names are POSIX's (IEEE Std 1003.1-2017, `errno.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// Permission denied.
    EACCES,
    /// Not an open file.
    EBADF,
    /// The place is in use.
    EBUSY,
    /// The name exists already.
    EEXIST,
    /// An argument makes no sense.
    EINVAL,
    /// The file could not be made readable: the text did not fit or its source failed.
    EIO,
    /// A directory where a file is needed.
    EISDIR,
    /// Too many open files.
    EMFILE,
    /// A name or path is too long, or a path too deep.
    ENAMETOOLONG,
    /// No such file or directory.
    ENOENT,
    /// No memory.
    ENOMEM,
    /// Not a directory.
    ENOTDIR,
    /// The file system is read-only.
    EROFS,
}

/// The result of an operation on files.
pub type Result<T> = core::result::Result<T, Errno>;

impl Errno {
    /// The standard's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::EACCES => "EACCES",
            Self::EBADF => "EBADF",
            Self::EBUSY => "EBUSY",
            Self::EEXIST => "EEXIST",
            Self::EINVAL => "EINVAL",
            Self::EIO => "EIO",
            Self::EISDIR => "EISDIR",
            Self::EMFILE => "EMFILE",
            Self::ENAMETOOLONG => "ENAMETOOLONG",
            Self::ENOENT => "ENOENT",
            Self::ENOMEM => "ENOMEM",
            Self::ENOTDIR => "ENOTDIR",
            Self::EROFS => "EROFS",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::EACCES => "permission denied",
            Self::EBADF => "not an open file",
            Self::EBUSY => "in use",
            Self::EEXIST => "exists already",
            Self::EINVAL => "invalid argument",
            Self::EIO => "input/output error",
            Self::EISDIR => "is a directory",
            Self::EMFILE => "too many open files",
            Self::ENAMETOOLONG => "name too long",
            Self::ENOENT => "no such file or directory",
            Self::ENOMEM => "out of memory",
            Self::ENOTDIR => "not a directory",
            Self::EROFS => "read-only file system",
        };
        write!(out, "{text} ({})", self.name())
    }
}

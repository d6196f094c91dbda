//! Errors by their POSIX names.

use core::fmt;

/// Defines the errors: each has a name and a text, which is its documentation as well.
macro_rules! errors {
    ($($name:ident $text:literal)*) => {
        /// An error, with its POSIX name (IEEE Std 1003.1-2017, `errno.h`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Errno {
            $(#[doc = $text] $name,)*
        }

        impl Errno {
            /// The POSIX name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// A short description.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

errors! {
    EACCES "permission denied"
    EBADF "not an open file"
    EBUSY "in use"
    EEXIST "exists already"
    EFBIG "file too large"
    EINTR "interrupted"
    EINVAL "invalid argument"
    EIO "input/output error"
    EISDIR "is a directory"
    ELOOP "too many symbolic links"
    EMFILE "too many open files"
    ENAMETOOLONG "name too long"
    ENOENT "no such file or directory"
    ENOMEM "out of memory"
    ENOSPC "no space left on device"
    ENOTDIR "not a directory"
    ENOTEMPTY "directory not empty"
    EPERM "operation not permitted"
    EROFS "read-only file system"
    EXDEV "on another file system"
}

/// The result of an operation on files.
pub type Result<T> = core::result::Result<T, Errno>;

impl fmt::Display for Errno {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.text(), self.name())
    }
}

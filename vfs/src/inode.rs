//! Inodes: what a file is, apart from its names.

use arrayvec::ArrayString;

use crate::path::NAME_MAX;

/// The number of an inode within its file system. A number is never given to another inode later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(pub u64);

/// What an inode stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A device that takes and gives characters.
    Device,
}

/// What is known of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its number.
    pub inode: InodeId,
    /// What it stands for.
    pub kind: Kind,
    /// The permission bits, as in 0444.
    pub mode: u16,
    /// Length in bytes; 0 for text that is made when it is read, as in Linux.
    pub size_bytes: u64,
    /// Names that refer to it.
    pub links: u32,
    /// The user that owns it.
    pub uid: u32,
    /// The group that owns it.
    pub gid: u32,
    /// Memory that its contents take, in units of 512 bytes as POSIX counts them; holes take none.
    pub blocks_512: u64,
    /// When its contents changed last, in nanoseconds since 1970-01-01.
    pub modified_ns: u64,
}

/// The bits of a mode that let somebody read.
pub(crate) const READABLE: u16 = 0o444;
/// The bits of a mode that let somebody write.
pub(crate) const WRITABLE: u16 = 0o222;

/// A file's name.
pub type Name = ArrayString<NAME_MAX>;

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The name.
    pub name: Name,
    /// What it stands for.
    pub kind: Kind,
    /// The inode within the directory's file system.
    pub inode: InodeId,
}

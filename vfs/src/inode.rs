//! Inodes: files independent of their names.

use arrayvec::ArrayString;

use crate::path::NAME_MAX;

/// The number of an inode within its file system. A number is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(pub u64);

/// The kind of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A character device.
    Device,
}

/// The metadata of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The inode's number.
    pub inode: InodeId,
    /// Its kind.
    pub kind: Kind,
    /// The permission bits, as in 0444.
    pub mode: u16,
    /// Length in bytes; 0 for generated text, as in Linux.
    pub size_bytes: u64,
    /// Number of names, as in POSIX.
    pub links: u32,
    /// The user that owns it.
    pub uid: u32,
    /// The group that owns it.
    pub gid: u32,
    /// Memory used by its contents, in units of 512 bytes as in POSIX; holes use none.
    pub blocks_512: u64,
    /// Modification time, in nanoseconds since 1970-01-01.
    pub modified_ns: u64,
}

/// The mode bits for reading.
pub(crate) const READABLE: u16 = 0o444;
/// The mode bits for writing.
pub(crate) const WRITABLE: u16 = 0o222;

/// A file's name.
pub type Name = ArrayString<NAME_MAX>;

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The name.
    pub name: Name,
    /// Its kind.
    pub kind: Kind,
    /// The inode within the directory's file system.
    pub inode: InodeId,
}

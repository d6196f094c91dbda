//! Inodes: what a file is, apart from its names.

use arrayvec::ArrayString;

use crate::path::NAME_MAX;

/// The number of an inode within its file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(pub u64);

/// What an inode stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File,
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
}

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

//! The interface of a file system.
//!
//! A file system knows inodes and names, not paths: links, mounts and permissions are handled by
//! [`crate::Vfs`]. Methods for what a file system cannot do keep their default, which refuses.

use crate::errno::{Errno, Result};
use crate::generated::{Control, ControlTable, Device, Table, Text};
use crate::inode::{DirectoryEntry, InodeId, Kind, Metadata, Name};
use crate::path::PathBuffer;

/// What a page of a file system is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageUse {
    /// Contents of a file, a directory or a link: the page at this index, from 0.
    Contents {
        /// Whose.
        inode: InodeId,
        /// The index.
        index: u64,
    },
    /// Numbers of such pages.
    Numbers {
        /// Of whose contents.
        inode: InodeId,
    },
    /// The index of a large directory.
    Index {
        /// Of which.
        inode: InodeId,
    },
    /// The inodes themselves.
    Inodes,
}

impl PageUse {
    /// The inode that the page belongs to; `None` if it belongs to all.
    pub fn inode(&self) -> Option<InodeId> {
        match *self {
            Self::Contents { inode, .. } | Self::Numbers { inode } | Self::Index { inode } => Some(inode),
            Self::Inodes => None,
        }
    }
}

/// A tree of inodes. All methods may be called from any place that holds no lock but the mounts'.
pub trait FileSystem: Send + Sync {
    /// The type's name, as `mount` shows it.
    fn type_name(&self) -> &'static str;

    /// The root directory.
    fn root(&self) -> InodeId;

    /// The inode of `name` in `directory`.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `ENOTDIR`.
    fn lookup(&self, directory: InodeId, name: &str) -> Result<InodeId>;

    /// The parent of `directory`; the root is its own parent.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `ENOTDIR`.
    fn parent(&self, directory: InodeId) -> Result<InodeId>;

    /// An inode's metadata.
    ///
    /// # Errors
    ///
    /// `ENOENT`.
    fn metadata(&self, inode: InodeId) -> Result<Metadata>;

    /// The first entry of `directory` at or after `cursor` (0 for the first one), and the cursor after it; `None` at the
    /// end. An entry that exists all the time is returned exactly once, whatever is created or removed meanwhile.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `ENOTDIR`.
    fn read_directory(&self, directory: InodeId, cursor: u64) -> Result<Option<(DirectoryEntry, u64)>>;

    /// The path that a symbolic link stands for.
    ///
    /// # Errors
    ///
    /// `ENOENT`; `EINVAL` where the inode is no link.
    fn read_link(&self, inode: InodeId) -> Result<PathBuffer>;

    /// Whether there are more than `levels` levels of names below a directory; an empty one has none.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `ENOTDIR`.
    fn is_higher_than(&self, directory: InodeId, levels: usize) -> Result<bool>;

    /// Blocks and inodes, in use and free.
    fn statistics(&self) -> Statistics;

    /// What the page with this number is for, if it is one of this file system.
    fn page_use(&self, page: u32) -> Option<PageUse> {
        let _ = page;
        None
    }

    /// A directory that has this inode as an entry, and the entry's name. Only asked of an inode from
    /// [`FileSystem::page_use`].
    fn entry_of(&self, inode: InodeId) -> Option<(InodeId, Name)> {
        let _ = inode;
        None
    }

    /// Opens a file or device, and returns how its contents are accessed. It exists until [`FileSystem::close`], even when
    /// its last name is removed.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EISDIR`.
    fn open(&self, inode: InodeId) -> Result<Contents>;

    /// The counterpart of a successful [`FileSystem::open`].
    fn close(&self, inode: InodeId) {
        let _ = inode;
    }

    /// Reads from `offset` on, and returns how many bytes were read; 0 at the end and beyond. Only for
    /// [`Contents::Stored`].
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EINVAL`.
    fn read(&self, inode: InodeId, offset: u64, target: &mut [u8]) -> Result<usize> {
        let _ = (inode, offset, target);
        Err(Errno::EINVAL)
    }

    /// Writes, and returns the offset of the first byte and how many were written: at least one unless `bytes` is
    /// empty. Only for [`Contents::Stored`].
    ///
    /// # Errors
    ///
    /// `ENOSPC`, `ENOMEM` and `EFBIG` when not even one byte could be written; `ENOENT`, `EINVAL`.
    fn write(&self, inode: InodeId, at: WriteAt, bytes: &[u8]) -> Result<(u64, usize)> {
        let _ = (inode, at, bytes);
        Err(Errno::EINVAL)
    }

    /// Truncates a file, or extends it by a hole that reads as zeros. Only for [`Contents::Stored`].
    ///
    /// # Errors
    ///
    /// `EFBIG`, `ENOENT`, `EINVAL`.
    fn set_size(&self, inode: InodeId, size_bytes: u64) -> Result<()> {
        let _ = (inode, size_bytes);
        Err(Errno::EINVAL)
    }

    /// Sets the modification time to now.
    ///
    /// # Errors
    ///
    /// `ENOENT`; `EPERM` if the file system keeps no such time.
    fn touch(&self, inode: InodeId) -> Result<()> {
        let _ = inode;
        Err(Errno::EPERM)
    }

    /// Makes a directory, file or link.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOENT`, `ENOMEM`, `ENOSPC`, `ENOTDIR`; `EPERM` where nothing can be made.
    fn create(&self, parent: InodeId, name: &str, new: New<'_>) -> Result<InodeId> {
        let _ = (parent, name, new);
        Err(Errno::EPERM)
    }

    /// Removes the name of a directory, which must be empty, or of anything else.
    ///
    /// # Errors
    ///
    /// `EISDIR` or `ENOTDIR` if the name is of the other sort; `ENOENT`; `ENOTEMPTY`; `EPERM` where
    /// nothing can be removed.
    fn remove(&self, parent: InodeId, name: &str, sort: Sort) -> Result<()> {
        let _ = (parent, name, sort);
        Err(Errno::EPERM)
    }

    /// Renames atomically. A file or empty directory with the new name is removed.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a directory into itself or below; `EISDIR` and `ENOTDIR` where one is a directory and the
    /// other is not; `ENOENT`; `ENOMEM`; `ENOSPC`; `ENOTEMPTY`; `EPERM` where nothing can be renamed.
    fn rename(&self, from: (InodeId, &str), to: (InodeId, &str)) -> Result<()> {
        let _ = (from, to);
        Err(Errno::EPERM)
    }
}

/// An open file's contents.
#[derive(Clone, Copy)]
pub enum Contents {
    /// Text that is rendered whole when the file is opened.
    Text(&'static dyn Text),
    /// Text that is rendered batch by batch while it is read.
    Table(&'static dyn Table),
    /// Whole text; takes commands.
    Control(&'static dyn Control),
    /// Text in batches; takes commands.
    ControlTable(&'static dyn ControlTable),
    /// A device.
    Device(&'static dyn Device),
    /// Bytes stored in the file system.
    Stored,
}

/// Where a write starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteAt {
    /// An offset in bytes from the beginning.
    Offset(u64),
    /// At the file's end.
    End,
}

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum New<'a> {
    /// An empty directory.
    Directory,
    /// An empty file.
    File,
    /// A symbolic link to this path.
    Link(&'a str),
}

impl New<'_> {
    /// The kind of inode.
    pub fn kind(self) -> Kind {
        match self {
            Self::Directory => Kind::Directory,
            Self::File => Kind::File,
            Self::Link(_) => Kind::Link,
        }
    }
}

/// What a name refers to, as far as its removal is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

/// A file system's size, as statfs(2) reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes per block.
    pub block_bytes: u32,
    /// Total number of blocks; 0 if contents are generated, not stored.
    pub total_blocks: u64,
    /// Blocks that are free.
    pub free_blocks: u64,
    /// Total number of inodes.
    pub total_inodes: u64,
    /// Inodes that can still be created.
    pub free_inodes: u64,
}

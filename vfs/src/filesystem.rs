//! What a file system offers to the rest.

use crate::errno::{Errno, Result};
use crate::generated::Content;
use crate::inode::{DirectoryEntry, InodeId, Metadata};

/// A tree of inodes. All methods may be called from any place that holds no lock of the VFS.
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

    /// The directory that `directory` stands in; the root stands in itself.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `ENOTDIR`.
    fn parent(&self, directory: InodeId) -> Result<InodeId>;

    /// What is known of an inode.
    ///
    /// # Errors
    ///
    /// `ENOENT`.
    fn metadata(&self, inode: InodeId) -> Result<Metadata>;

    /// The entry of `directory` behind `cursor` (0 is the first), and the cursor behind it; `None` at the
    /// end. An entry that stays is given exactly once, whatever comes and goes meanwhile.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `ENOTDIR`.
    fn read_directory(&self, directory: InodeId, cursor: u64) -> Result<Option<(DirectoryEntry, u64)>>;

    /// How the inode's contents are to be had.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EISDIR`.
    fn open(&self, inode: InodeId) -> Result<Contents>;

    /// Makes a directory.
    ///
    /// # Errors
    ///
    /// `EROFS` where nothing can be made; `EEXIST`, `ENOMEM`, `ENOTDIR`.
    fn make_directory(&self, parent: InodeId, name: &str) -> Result<InodeId> {
        let _ = (parent, name);
        Err(Errno::EROFS)
    }
}

/// An open file's contents.
#[derive(Clone, Copy)]
pub enum Contents {
    /// Text that is made.
    Generated(Content),
}

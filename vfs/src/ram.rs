//! A file system in memory: a tree of directories, to mount others on.

use alloc::string::String;
use alloc::vec::Vec;

use spin::Mutex;

use crate::errno::{Errno, Result};
use crate::filesystem::{Contents, FileSystem};
use crate::inode::{DirectoryEntry, InodeId, Kind, Metadata, Name};

const ROOT: InodeId = InodeId(1);

/// The tree.
#[derive(Debug, Default)]
pub struct RamFs {
    /// All directories but the root, in the order of their making.
    directories: Mutex<Vec<Directory>>,
}

#[derive(Debug)]
struct Directory {
    inode: InodeId,
    parent: InodeId,
    name: String,
}

impl RamFs {
    /// An empty tree: just the root.
    pub const fn new() -> Self {
        Self { directories: Mutex::new(Vec::new()) }
    }

    /// The parent of a directory, if there is such a directory.
    fn parent_of(directories: &[Directory], inode: InodeId) -> Result<InodeId> {
        if inode == ROOT {
            return Ok(ROOT);
        }
        directories
            .iter()
            .find(|directory| directory.inode == inode)
            .map(|directory| directory.parent)
            .ok_or(Errno::ENOENT)
    }
}

impl FileSystem for RamFs {
    fn type_name(&self) -> &'static str {
        "ramfs"
    }

    fn root(&self) -> InodeId {
        ROOT
    }

    fn lookup(&self, directory: InodeId, name: &str) -> Result<InodeId> {
        let directories = self.directories.lock();
        Self::parent_of(&directories, directory)?;
        let found = directories.iter().find(|entry| entry.parent == directory && entry.name == name);
        found.map(|entry| entry.inode).ok_or(Errno::ENOENT)
    }

    fn parent(&self, directory: InodeId) -> Result<InodeId> {
        Self::parent_of(&self.directories.lock(), directory)
    }

    fn metadata(&self, inode: InodeId) -> Result<Metadata> {
        let directories = self.directories.lock();
        Self::parent_of(&directories, inode)?;
        let children = directories.iter().filter(|entry| entry.parent == inode).count();
        Ok(Metadata { inode, kind: Kind::Directory, mode: 0o755, size_bytes: 0, links: 2 + children as u32 })
    }

    fn read_directory(&self, directory: InodeId, cursor: u64) -> Result<Option<(DirectoryEntry, u64)>> {
        let directories = self.directories.lock();
        Self::parent_of(&directories, directory)?;
        // Inodes are given in rising order, so the last one seen is where to go on.
        let next = directories.iter().find(|entry| entry.parent == directory && entry.inode.0 > cursor);
        let Some(entry) = next else { return Ok(None) };
        let name = Name::from(&entry.name).map_err(|_| Errno::ENAMETOOLONG)?;
        Ok(Some((DirectoryEntry { name, kind: Kind::Directory, inode: entry.inode }, entry.inode.0)))
    }

    fn open(&self, inode: InodeId) -> Result<Contents> {
        Self::parent_of(&self.directories.lock(), inode)?;
        Err(Errno::EISDIR)
    }

    fn make_directory(&self, parent: InodeId, name: &str) -> Result<InodeId> {
        if self.lookup(parent, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        let mut own_name = String::new();
        own_name.try_reserve_exact(name.len()).map_err(|_| Errno::ENOMEM)?;
        own_name.push_str(name);
        let mut directories = self.directories.lock();
        Self::parent_of(&directories, parent)?;
        directories.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let inode = InodeId(directories.last().map_or(ROOT.0, |entry| entry.inode.0) + 1);
        directories.push(Directory { inode, parent, name: own_name });
        Ok(inode)
    }
}

//! The operations on paths: metadata, creation, renaming and removal.

use spin::Mutex;

use crate::errno::{Errno, Result};
use crate::filesystem::{Contents, FileSystem, New, PageUse, Sort, Statistics};
use crate::inode::{Kind, Metadata, READABLE, WRITABLE};
use crate::mount::{Mount, MountOptions, Mounts, Place};
use crate::open_files::{OpenFiles, OpenFlags};
use crate::path::{CANONICAL_MAX, MAX_DEPTH, PathBuffer, check};
use crate::reader::Buffers;
use crate::walk::{LastLink, Target, path_of, resolve, walk};

/// The virtual file system: all mounts and open files.
///
/// Locks, in the order in which they may be taken: the mounts, a file system's own, the open files. None of them is held
/// while text is rendered, a command is executed or a device is read or written.
pub struct Vfs {
    pub(crate) buffers: &'static dyn Buffers,
    pub(crate) mounts: Mutex<Mounts>,
    pub(crate) open_files: Mutex<OpenFiles>,
}

impl Vfs {
    /// A VFS without mounts; the first mount is the root.
    pub const fn new(buffers: &'static dyn Buffers) -> Self {
        Self { buffers, mounts: Mutex::new(Mounts::new()), open_files: Mutex::new(OpenFiles::new()) }
    }

    /// Mounts `filesystem` on the directory `path`; the first one on `/`.
    ///
    /// # Errors
    ///
    /// What [`Vfs::metadata`] gives for `path`; `ENOTDIR`; `EBUSY` where something is mounted already;
    /// `ENOMEM`; `EINVAL` for a first mount elsewhere than on `/`.
    pub fn mount(
        &self,
        source: &'static str,
        path: &str,
        filesystem: &'static dyn FileSystem,
        options: MountOptions,
    ) -> Result<()> {
        let mut mounts = self.mounts.lock();
        let point = if mounts.root().is_err() {
            if path != "/" {
                return Err(Errno::EINVAL);
            }
            None
        } else {
            let point = resolve(&mounts, "/", path)?;
            mounts.check_directory(point)?;
            if mounts.filesystem(point)?.root() == point.inode {
                return Err(Errno::EBUSY);
            }
            Some(point)
        };
        mounts.add(Mount { source, filesystem, options, point })
    }

    /// Passes each mount and its path to `visit`, in the order of mounting. No lock is held during the calls.
    pub fn for_each_mount(&self, mut visit: impl FnMut(&Mount, &str)) {
        for number in 0.. {
            let (mount, path) = {
                let mounts = self.mounts.lock();
                let Ok(mount) = mounts.get(number).copied() else { return };
                let root = Place { mount: number, inode: mount.filesystem.root() };
                // Empty if the path is too long.
                (mount, path_of(&mounts, root).unwrap_or_default())
            };
            visit(&mount, &path);
        }
    }

    /// The metadata of the file at `path`, relative to the directory `cwd`.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`, `ELOOP`, `EINVAL`.
    pub fn metadata(&self, cwd: &str, path: &str) -> Result<Metadata> {
        let mounts = self.mounts.lock();
        mounts.metadata(resolve(&mounts, cwd, path)?)
    }

    /// Like [`Vfs::metadata`], but of a symbolic link itself if the path ends with one.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`].
    pub fn link_metadata(&self, cwd: &str, path: &str) -> Result<Metadata> {
        let mounts = self.mounts.lock();
        mounts.metadata(walk(&mounts, cwd, path, LastLink::Keep)?.existing()?)
    }

    /// The path that a symbolic link stands for.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `EINVAL` if it is not a link.
    pub fn read_link(&self, cwd: &str, path: &str) -> Result<PathBuffer> {
        let mounts = self.mounts.lock();
        let place = walk(&mounts, cwd, path, LastLink::Keep)?.existing()?;
        mounts.filesystem(place)?.read_link(place.inode)
    }

    /// The path of an existing directory without links, `.`, `..` and redundant slashes.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `ENOTDIR` for a file.
    pub fn canonical_directory(&self, cwd: &str, path: &str) -> Result<PathBuffer> {
        let mounts = self.mounts.lock();
        let place = resolve(&mounts, cwd, path)?;
        mounts.check_directory(place)?;
        path_of(&mounts, place)
    }

    /// The mount that a file belongs to, and its statistics.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`].
    pub fn statistics(&self, cwd: &str, path: &str) -> Result<(Mount, Statistics)> {
        let mounts = self.mounts.lock();
        let mount = *mounts.get(resolve(&mounts, cwd, path)?.mount)?;
        Ok((mount, mount.filesystem.statistics()))
    }

    /// Makes a directory.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`] of the directory that it is made in; `EEXIST`; `EACCES` or `EROFS` where
    /// nothing can be made; `ENOMEM`, `ENOSPC`.
    pub fn make_directory(&self, cwd: &str, path: &str) -> Result<()> {
        self.make(cwd, path, New::Directory)
    }

    /// Makes a symbolic link at `path` to `target`, which need not exist.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::make_directory`]; `ENOENT` for an empty target; `ENAMETOOLONG` for one of
    /// more than [`CANONICAL_MAX`] bytes.
    pub fn make_link(&self, cwd: &str, target: &str, path: &str) -> Result<()> {
        check(target)?;
        if target.len() > CANONICAL_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.make(cwd, path, New::Link(target))
    }

    fn make(&self, cwd: &str, path: &str, new: New<'_>) -> Result<()> {
        let mounts = self.mounts.lock();
        let target = walk(&mounts, cwd, path, LastLink::Keep)?;
        if target.found.is_some() {
            return Err(Errno::EEXIST);
        }
        if target.is_directory_meant && new != New::Directory {
            return Err(Errno::ENOENT);
        }
        check_writable(&mounts, target.parent)?;
        mounts.filesystem(target.parent)?.create(target.parent.inode, target.name()?, new).map(drop)
    }

    /// Removes a file or a link. An open file stays usable until it is closed.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `EISDIR`; `EACCES`, `EPERM` or `EROFS` where nothing can be removed.
    pub fn unlink(&self, cwd: &str, path: &str) -> Result<()> {
        self.remove(cwd, path, Sort::Other)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `ENOTDIR`, `ENOTEMPTY`; `EBUSY` for `/`, `.`, `..` and a mount point;
    /// `EACCES`, `EPERM` or `EROFS` where nothing can be removed.
    pub fn remove_directory(&self, cwd: &str, path: &str) -> Result<()> {
        self.remove(cwd, path, Sort::Directory)
    }

    fn remove(&self, cwd: &str, path: &str, sort: Sort) -> Result<()> {
        let mounts = self.mounts.lock();
        check_no_link_meant(&mounts, cwd, path)?;
        let target = walk(&mounts, cwd, path, LastLink::Keep)?;
        let found = target.existing()?;
        check_sort(&mounts, found, sort)?;
        let name = target.name()?;
        if target.is_mount_point() {
            return Err(Errno::EBUSY);
        }
        check_writable(&mounts, target.parent)?;
        mounts.filesystem(found)?.remove(target.parent.inode, name, sort)
    }

    /// Renames the file or directory `from` to `to`. A file or an empty directory that was there is removed.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `EXDEV` across mounts; `EINVAL` for a directory into itself; `ENAMETOOLONG` where
    /// the tree would become too deep; `EISDIR`, `ENOTDIR`, `ENOTEMPTY` where `to` is of another kind or not empty;
    /// `EBUSY` for `/`, `.`, `..` and mount points; `EACCES`, `EPERM` or `EROFS` where nothing can be renamed;
    /// `ENOMEM`, `ENOSPC`.
    pub fn rename(&self, cwd: &str, from: &str, to: &str) -> Result<()> {
        let mounts = self.mounts.lock();
        check_no_link_meant(&mounts, cwd, from)?;
        let old = walk(&mounts, cwd, from, LastLink::Keep)?;
        let new = walk(&mounts, cwd, to, LastLink::Keep)?;
        let moved = old.existing()?;
        let (old_name, new_name) = (old.name()?, new.name()?);
        if old.parent.mount != new.parent.mount {
            return Err(Errno::EXDEV);
        }
        if old.is_mount_point() || new.is_mount_point() {
            return Err(Errno::EBUSY);
        }
        let filesystem = mounts.filesystem(old.parent)?;
        if filesystem.metadata(moved.inode)?.kind == Kind::Directory {
            let levels = MAX_DEPTH.checked_sub(new.depth.saturating_add(1)).ok_or(Errno::ENAMETOOLONG)?;
            if filesystem.is_higher_than(moved.inode, levels)? {
                return Err(Errno::ENAMETOOLONG);
            }
        } else if new.is_directory_meant {
            return Err(Errno::ENOTDIR);
        }
        check_writable(&mounts, old.parent)?;
        check_writable(&mounts, new.parent)?;
        filesystem.rename((old.parent.inode, old_name), (new.parent.inode, new_name))
    }

    /// Sets the modification time of a file to now.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `EPERM` or `EROFS` if it cannot be set.
    pub fn touch(&self, cwd: &str, path: &str) -> Result<()> {
        let mounts = self.mounts.lock();
        let place = resolve(&mounts, cwd, path)?;
        check_mount(&mounts, place)?;
        mounts.filesystem(place)?.touch(place.inode)
    }

    /// The file that the page with this number belongs to, and what it is for. The path is that of the file system where
    /// the page belongs to no file, and empty for a file without a name, which is open.
    pub fn page_owner(&self, page: u32) -> Option<(PathBuffer, PageUse)> {
        let mounts = self.mounts.lock();
        (0..).map_while(|number| mounts.get(number).ok().map(|mount| (number, mount.filesystem))).find_map(
            |(number, filesystem)| {
                let page_use = filesystem.page_use(page)?;
                let root = filesystem.root();
                let path = match page_use.inode().filter(|inode| *inode != root) {
                    None => path_of(&mounts, Place { mount: number, inode: root }),
                    Some(inode) => match filesystem.entry_of(inode) {
                        None => Ok(PathBuffer::new()),
                        Some((directory, name)) => {
                            path_of(&mounts, Place { mount: number, inode: directory })
                                .map(|path| joined(path, &name))
                        }
                    },
                };
                Some((path.unwrap_or_default(), page_use))
            },
        )
    }

    /// Finds the file to open, creates it if asked to, and opens it, all under the lock of the mounts, so that it cannot be
    /// removed meanwhile.
    pub(crate) fn open_place(&self, cwd: &str, path: &str, flags: OpenFlags) -> Result<Opened> {
        let wanted = match (flags.contains(OpenFlags::CREATE), flags.contains(OpenFlags::EXCLUSIVE)) {
            (false, _) => Wanted::Existing,
            (true, false) => Wanted::Any,
            (true, true) => Wanted::New,
        };
        let mounts = self.mounts.lock();
        let last = if wanted == Wanted::New { LastLink::Keep } else { LastLink::Follow };
        let target = walk(&mounts, cwd, path, last)?;
        let place = match (target.found, wanted) {
            (Some(_), Wanted::New) => return Err(Errno::EEXIST),
            (Some(place), _) => place,
            (None, Wanted::Existing) => return Err(Errno::ENOENT),
            (None, _) => make_file(&mounts, &target)?,
        };
        let filesystem = mounts.filesystem(place)?;
        let metadata = filesystem.metadata(place.inode)?;
        let (is_read, is_written) = (flags.contains(OpenFlags::READ), flags.contains(OpenFlags::WRITE));
        if metadata.kind == Kind::Directory {
            return if is_written || wanted != Wanted::Existing {
                Err(Errno::EISDIR)
            } else {
                Ok(Opened { place, filesystem, contents: None })
            };
        }
        if is_read && metadata.mode & READABLE == 0 || is_written && metadata.mode & WRITABLE == 0 {
            return Err(Errno::EACCES);
        }
        if is_written && metadata.kind == Kind::File {
            check_mount(&mounts, place)?;
        }
        Ok(Opened { place, filesystem, contents: Some(filesystem.open(place.inode)?) })
    }
}

/// A file that its file system has opened, or a directory.
pub(crate) struct Opened {
    pub(crate) place: Place,
    pub(crate) filesystem: &'static dyn FileSystem,
    /// `None` for a directory.
    pub(crate) contents: Option<Contents>,
}

/// Whether the file must exist when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// It must exist.
    Existing,
    /// It is created if it does not exist.
    Any,
    /// It must not exist, and is created.
    New,
}

fn make_file(mounts: &Mounts, target: &Target) -> Result<Place> {
    if target.is_directory_meant {
        return Err(Errno::EISDIR);
    }
    check_writable(mounts, target.parent)?;
    let filesystem = mounts.filesystem(target.parent)?;
    let inode = filesystem.create(target.parent.inode, target.name()?, New::File)?;
    Ok(Place { mount: target.parent.mount, inode })
}

/// Whether the file system of a place may be changed.
fn check_mount(mounts: &Mounts, place: Place) -> Result<()> {
    match mounts.get(place.mount)?.options {
        MountOptions::ReadWrite => Ok(()),
        MountOptions::ReadOnly => Err(Errno::EROFS),
    }
}

/// Whether names may be created and removed in a directory.
fn check_writable(mounts: &Mounts, directory: Place) -> Result<()> {
    check_mount(mounts, directory)?;
    if mounts.metadata(directory)?.mode & WRITABLE == 0 { Err(Errno::EACCES) } else { Ok(()) }
}

/// Refuses `link/` where a name is to be removed: this is the link, not the directory it leads to (as in Linux).
fn check_no_link_meant(mounts: &Mounts, cwd: &str, path: &str) -> Result<()> {
    let name = path.trim_end_matches('/');
    if name.len() == path.len() || name.is_empty() {
        return Ok(());
    }
    let found = walk(mounts, cwd, name, LastLink::Keep)?.found;
    match found.map(|place| mounts.metadata(place)).transpose()? {
        Some(metadata) if metadata.kind == Kind::Link => Err(Errno::ENOTDIR),
        _ => Ok(()),
    }
}

fn check_sort(mounts: &Mounts, place: Place, sort: Sort) -> Result<()> {
    match (mounts.metadata(place)?.kind, sort) {
        (Kind::Directory, Sort::Other) => Err(Errno::EISDIR),
        (Kind::Directory, Sort::Directory) | (_, Sort::Other) => Ok(()),
        (_, Sort::Directory) => Err(Errno::ENOTDIR),
    }
}

/// The path of a name in a directory; empty if it is too long.
fn joined(mut directory: PathBuffer, name: &str) -> PathBuffer {
    if !directory.ends_with('/') {
        let _ = directory.try_push('/');
    }
    if directory.try_push_str(name).is_err() {
        directory.clear();
    }
    directory
}

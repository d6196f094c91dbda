//! The operations on files, from a path to bytes.

use bitflags::bitflags;
use spin::Mutex;

use crate::errno::{Errno, Result};
use crate::filesystem::{Contents, FileSystem};
use crate::generated::{Buffers, Reader};
use crate::inode::{DirectoryEntry, Kind, Metadata, Name};
use crate::mount::{Mount, MountOptions, Mounts, Place};
use crate::open_files::{FileDescriptor, OpenFile, OpenFiles};
use crate::path::{MOST_DEPTH, PathBuffer, Step, check, demands_directory, steps};

bitflags! {
    /// What a file is opened for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OpenFlags: u32 {
        /// To read it.
        const READ = 1;
        /// To write it.
        const WRITE = 1 << 1;
        /// To make it if it is not there.
        const CREATE = 1 << 2;
    }
}

/// All files of a system.
pub struct Vfs {
    buffers: &'static dyn Buffers,
    /// Taken before `open_files` where both are held; neither while text is made.
    mounts: Mutex<Mounts>,
    open_files: Mutex<OpenFiles>,
}

impl Vfs {
    /// A system without files; the first mount is the root.
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
        let (point, path) = if mounts.root().is_err() {
            if path != "/" {
                return Err(Errno::EINVAL);
            }
            (None, canonical_of_root())
        } else {
            let point = resolve(&mounts, "/", path)?;
            if mounts.filesystem(point)?.metadata(point.inode)?.kind != Kind::Directory {
                return Err(Errno::ENOTDIR);
            }
            if mounts.filesystem(point)?.root() == point.inode {
                return Err(Errno::EBUSY);
            }
            (Some(point), path_of(&mounts, point)?)
        };
        mounts.add(Mount { source, path, filesystem, options, point })
    }

    /// What is known of the file at `path`, from the directory `cwd` on.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`, `EINVAL`.
    pub fn metadata(&self, cwd: &str, path: &str) -> Result<Metadata> {
        let mounts = self.mounts.lock();
        let place = resolve(&mounts, cwd, path)?;
        mounts.filesystem(place)?.metadata(place.inode)
    }

    /// The path of an existing directory without `.`, `..` and needless slashes.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `ENOTDIR` for a file.
    pub fn canonical_directory(&self, cwd: &str, path: &str) -> Result<PathBuffer> {
        let mounts = self.mounts.lock();
        let place = resolve(&mounts, cwd, path)?;
        if mounts.filesystem(place)?.metadata(place.inode)?.kind != Kind::Directory {
            return Err(Errno::ENOTDIR);
        }
        path_of(&mounts, place)
    }

    /// Makes a directory.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`] of the directory that it is made in; `EEXIST`, `EROFS`, `ENOMEM`.
    pub fn make_directory(&self, cwd: &str, path: &str) -> Result<()> {
        let mounts = self.mounts.lock();
        check(path)?;
        let path = path.trim_end_matches('/');
        let (parent, name) = path.rsplit_once('/').map_or((".", path), |(parent, name)| (parent, name));
        let parent = if parent.is_empty() { "/" } else { parent };
        if matches!(name, "" | "." | "..") {
            return Err(Errno::EEXIST);
        }
        Name::from(name).map_err(|_| Errno::ENAMETOOLONG)?;
        let place = resolve(&mounts, cwd, parent)?;
        if mounts.get(place.mount)?.options == MountOptions::ReadOnly {
            return Err(Errno::EROFS);
        }
        mounts.filesystem(place)?.make_directory(place.inode, name).map(|_| ())
    }

    /// Opens a file or, to list it, a directory. A file's text is made now, or from now on.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `EACCES` or `EROFS` for more than reading; `EISDIR` for writing to a
    /// directory; `EMFILE`; `ENOMEM` when no buffer is to be had; `EIO` when the text could not be made.
    pub fn open(&self, cwd: &str, path: &str, flags: OpenFlags) -> Result<FileDescriptor> {
        let (place, filesystem) = {
            let mounts = self.mounts.lock();
            let place = resolve_to_open(&mounts, cwd, path, flags)?;
            (place, mounts.filesystem(place)?)
        };
        let metadata = filesystem.metadata(place.inode)?;
        if flags.contains(OpenFlags::WRITE) {
            return Err(if metadata.kind == Kind::Directory { Errno::EISDIR } else { Errno::EACCES });
        }
        let descriptor = self.open_files.lock().reserve()?;
        let file = match metadata.kind {
            Kind::Directory => Ok(OpenFile::Directory { place, cursor: 0 }),
            Kind::File => self.open_contents(filesystem, place),
        };
        let mut open_files = self.open_files.lock();
        match file {
            Ok(file) => {
                open_files.put(descriptor, file);
                Ok(descriptor)
            }
            Err(error) => {
                open_files.release(descriptor);
                Err(error)
            }
        }
    }

    fn open_contents(&self, filesystem: &dyn FileSystem, place: Place) -> Result<OpenFile> {
        match filesystem.open(place.inode)? {
            Contents::Generated(content) => {
                Ok(OpenFile::Generated { reader: Reader::open(content, self.buffers)?, offset: 0 })
            }
        }
    }

    /// Reads from where the last read ended and says how many bytes came; 0 at the end.
    ///
    /// # Errors
    ///
    /// `EBADF`; `EISDIR`; `EBUSY` while another reads it; `EIO` when the text could not be made.
    pub fn read(&self, descriptor: FileDescriptor, target: &mut [u8]) -> Result<usize> {
        let mut file = self.open_files.lock().take(descriptor)?;
        let result = match &mut file {
            OpenFile::Directory { .. } => Err(Errno::EISDIR),
            OpenFile::Generated { reader, offset } => {
                reader.read(*offset, target).inspect(|count| *offset += *count as u64)
            }
        };
        self.open_files.lock().put(descriptor, file);
        result
    }

    /// Sets where the next read starts, in bytes from the beginning; it may lie behind the end. 0 starts a
    /// directory over.
    ///
    /// # Errors
    ///
    /// `EBADF`; `EBUSY` while another reads it; `EINVAL` for a directory and another place than 0.
    pub fn seek(&self, descriptor: FileDescriptor, to: u64) -> Result<()> {
        let mut open_files = self.open_files.lock();
        let mut file = open_files.take(descriptor)?;
        let result = match &mut file {
            OpenFile::Directory { cursor, .. } if to == 0 => {
                *cursor = 0;
                Ok(())
            }
            OpenFile::Directory { .. } => Err(Errno::EINVAL),
            OpenFile::Generated { offset, .. } => {
                *offset = to;
                Ok(())
            }
        };
        open_files.put(descriptor, file);
        result
    }

    /// The next entry of an open directory; `None` at the end.
    ///
    /// # Errors
    ///
    /// `EBADF`; `ENOTDIR`; `EBUSY` while another reads it.
    pub fn read_directory(&self, descriptor: FileDescriptor) -> Result<Option<DirectoryEntry>> {
        let mut file = self.open_files.lock().take(descriptor)?;
        let result = match &mut file {
            OpenFile::Directory { place, cursor } => self.next_entry(*place, cursor),
            OpenFile::Generated { .. } => Err(Errno::ENOTDIR),
        };
        self.open_files.lock().put(descriptor, file);
        result
    }

    fn next_entry(&self, place: Place, cursor: &mut u64) -> Result<Option<DirectoryEntry>> {
        let filesystem = self.mounts.lock().filesystem(place)?;
        let next = filesystem.read_directory(place.inode, *cursor)?;
        Ok(next.map(|(entry, behind)| {
            *cursor = behind;
            entry
        }))
    }

    /// Closes a file or directory.
    ///
    /// # Errors
    ///
    /// `EBADF`; `EBUSY` while another reads it.
    pub fn close(&self, descriptor: FileDescriptor) -> Result<()> {
        let file = self.open_files.lock().take(descriptor)?;
        if let OpenFile::Generated { reader, .. } = file {
            reader.close(self.buffers);
        }
        self.open_files.lock().release(descriptor);
        Ok(())
    }

    /// Hands every mount to `visit`, in the order of mounting. No lock is held meanwhile.
    pub fn for_each_mount(&self, mut visit: impl FnMut(&Mount)) {
        for number in 0.. {
            let mount = self.mounts.lock().get(number).cloned();
            let Ok(mount) = mount else { return };
            visit(&mount);
        }
    }
}

fn canonical_of_root() -> PathBuffer {
    let mut path = PathBuffer::new();
    path.push('/');
    path
}

fn resolve_to_open(mounts: &Mounts, cwd: &str, path: &str, flags: OpenFlags) -> Result<Place> {
    match resolve(mounts, cwd, path) {
        // A file that is not there can be made nowhere yet: say so where it would have to be made.
        Err(Errno::ENOENT) if flags.contains(OpenFlags::CREATE) => {
            let parent = path.trim_end_matches('/').rsplit_once('/').map_or(".", |(parent, _)| parent);
            resolve(mounts, cwd, if parent.is_empty() { "/" } else { parent })?;
            Err(Errno::EROFS)
        }
        resolved => resolved,
    }
}

/// Walks a path from the root, or from `cwd` if it is relative.
fn resolve(mounts: &Mounts, cwd: &str, path: &str) -> Result<Place> {
    check(path)?;
    let mut place = mounts.covered(mounts.root()?);
    let mut depth = 0_usize;
    let start = if path.starts_with('/') { "" } else { cwd };
    for step in steps(start).chain(steps(path)) {
        let filesystem = mounts.filesystem(place)?;
        place = match step? {
            Step::Parent => {
                if filesystem.metadata(place.inode)?.kind != Kind::Directory {
                    return Err(Errno::ENOTDIR);
                }
                depth = depth.saturating_sub(1);
                mounts.parent(place)?
            }
            Step::Name(name) => {
                depth += 1;
                if depth > MOST_DEPTH {
                    return Err(Errno::ENAMETOOLONG);
                }
                mounts.covered(Place { mount: place.mount, inode: filesystem.lookup(place.inode, name)? })
            }
        };
    }
    // `name/.` and `name/` mean a directory; so does `name/..`, which was checked on the way.
    if demands_directory(path) && mounts.filesystem(place)?.metadata(place.inode)?.kind != Kind::Directory {
        return Err(Errno::ENOTDIR);
    }
    Ok(place)
}

/// The path of a directory, found by its way up.
fn path_of(mounts: &Mounts, directory: Place) -> Result<PathBuffer> {
    let root = mounts.root()?;
    let mut path = PathBuffer::new();
    let mut at = directory;
    while at != root {
        let parent = mounts.parent(at)?;
        let name = name_in(mounts, parent, at)?;
        if path.len() + name.len() + 1 > path.capacity() {
            return Err(Errno::ENAMETOOLONG);
        }
        // The way goes up, so each name goes in front.
        let behind = path;
        path.clear();
        path.push('/');
        path.push_str(&name);
        path.push_str(&behind);
        at = parent;
    }
    if path.is_empty() { Ok(canonical_of_root()) } else { Ok(path) }
}

/// The name that `child`, or what it covers, has in `parent`.
fn name_in(mounts: &Mounts, parent: Place, child: Place) -> Result<Name> {
    let filesystem = mounts.filesystem(parent)?;
    let mut cursor = 0;
    while let Some((entry, next)) = filesystem.read_directory(parent.inode, cursor)? {
        if mounts.covered(Place { mount: parent.mount, inode: entry.inode }) == child {
            return Ok(entry.name);
        }
        cursor = next;
    }
    Err(Errno::ENOENT)
}

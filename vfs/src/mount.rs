//! The mount table.

use alloc::vec::Vec;

use crate::errno::{Errno, Result};
use crate::filesystem::FileSystem;
use crate::inode::{InodeId, Kind, Metadata};

/// Whether a mounted file system may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountOptions {
    /// Changes are allowed.
    ReadWrite,
    /// Changes are refused with `EROFS`.
    ReadOnly,
}

/// A mounted file system.
#[derive(Clone, Copy)]
pub struct Mount {
    /// What is mounted, as `/proc/mounts` names it.
    pub source: &'static str,
    /// The file system.
    pub filesystem: &'static dyn FileSystem,
    /// Whether it may be changed.
    pub options: MountOptions,
    /// The directory that its root covers; `None` for the first mount.
    pub(crate) point: Option<Place>,
}

/// An inode with the mount that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) mount: usize,
    pub(crate) inode: InodeId,
}

/// The mounts. None is ever removed, so their numbers stay valid.
#[derive(Default)]
pub(crate) struct Mounts {
    mounts: Vec<Mount>,
}

impl Mounts {
    pub(crate) const fn new() -> Self {
        Self { mounts: Vec::new() }
    }

    pub(crate) fn get(&self, number: usize) -> Result<&Mount> {
        self.mounts.get(number).ok_or(Errno::ENOENT)
    }

    pub(crate) fn add(&mut self, mount: Mount) -> Result<()> {
        if self.mounts.iter().any(|other| other.point == mount.point) {
            return Err(Errno::EBUSY);
        }
        self.mounts.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.mounts.push(mount);
        Ok(())
    }

    /// The root of the file system mounted on a place, or the place itself.
    pub(crate) fn covered(&self, place: Place) -> Place {
        let over = self.mounts.iter().position(|mount| mount.point == Some(place));
        over.and_then(|number| Some(Place { mount: number, inode: self.get(number).ok()?.filesystem.root() }))
            .unwrap_or(place)
    }

    /// The root of the whole tree.
    pub(crate) fn root(&self) -> Result<Place> {
        Ok(self.covered(Place { mount: 0, inode: self.get(0)?.filesystem.root() }))
    }

    pub(crate) fn filesystem(&self, place: Place) -> Result<&'static dyn FileSystem> {
        Ok(self.get(place.mount)?.filesystem)
    }

    pub(crate) fn metadata(&self, place: Place) -> Result<Metadata> {
        self.filesystem(place)?.metadata(place.inode)
    }

    pub(crate) fn check_directory(&self, place: Place) -> Result<()> {
        if self.metadata(place)?.kind == Kind::Directory { Ok(()) } else { Err(Errno::ENOTDIR) }
    }

    /// The parent directory; of a mount's root, that of the directory it is mounted on.
    pub(crate) fn parent(&self, place: Place) -> Result<Place> {
        let mount = self.get(place.mount)?;
        if place.inode != mount.filesystem.root() {
            return Ok(Place { mount: place.mount, inode: mount.filesystem.parent(place.inode)? });
        }
        match mount.point {
            Some(point) => self.parent(point),
            None => Ok(place),
        }
    }
}

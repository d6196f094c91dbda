//! Path resolution: from text to an inode, across mounts and symbolic links, and back.

use crate::errno::{Errno, Result};
use crate::inode::{Kind, Name};
use crate::mount::{Mounts, Place};
use crate::path::{MAX_DEPTH, MAX_LINKS, NAME_MAX, PathBuffer, PathText, check, split_first};

/// What to do with a symbolic link at the end of a path. Links before the end are always followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastLink {
    /// Follow it.
    Follow,
    /// Return the link itself.
    Keep,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The directory of the last name.
    pub(crate) parent: Place,
    /// The last name; `None` if the path ends with `/`, `.` or `..` and no name.
    pub(crate) name: Option<Name>,
    /// The inode with that name, if it exists.
    pub(crate) found: Option<Place>,
    /// Directories between the root and the last name.
    pub(crate) depth: usize,
    /// Whether the path can only mean a directory: it ends with a slash or without a name.
    pub(crate) is_directory_meant: bool,
}

impl Target {
    /// What the path leads to.
    pub(crate) fn existing(&self) -> Result<Place> {
        self.found.ok_or(Errno::ENOENT)
    }

    /// The name, to create or remove it.
    pub(crate) fn name(&self) -> Result<&str> {
        self.name.as_ref().map(Name::as_str).ok_or(Errno::EBUSY)
    }

    /// Whether something is mounted on what was found.
    pub(crate) fn is_mount_point(&self) -> bool {
        self.found.is_some_and(|found| found.mount != self.parent.mount)
    }
}

/// Walks a path from the root, or from `cwd` if it is relative.
pub(crate) fn walk(mounts: &Mounts, cwd: &str, path: &str, last: LastLink) -> Result<Target> {
    check(path)?;
    let mut walker = Walker { mounts, at: mounts.root()?, depth: 0 };
    if !path.starts_with('/') {
        walker.walk_links(cwd, LastLink::Follow)?.existing()?;
        mounts.check_directory(walker.at)?;
    }
    walker.walk_links(path, last)
}

/// The place that a path leads to.
pub(crate) fn resolve(mounts: &Mounts, cwd: &str, path: &str) -> Result<Place> {
    walk(mounts, cwd, path, LastLink::Follow)?.existing()
}

struct Walker<'a> {
    mounts: &'a Mounts,
    at: Place,
    /// Directories between the root and `at`.
    depth: usize,
}

/// How far a walk got.
#[expect(clippy::large_enum_variant, reason = "it is short-lived, on the stack only")]
enum Progress<'a> {
    /// To the end.
    End(Target),
    /// To a symbolic link, with the rest of the path after it.
    Link(Place, &'a str),
}

impl Walker<'_> {
    /// Walks to the end of a path.
    fn walk_links(&mut self, path: &str, last: LastLink) -> Result<Target> {
        match self.go(path, last)? {
            Progress::End(target) => Ok(target),
            Progress::Link(link, rest) => self.follow(link, rest, last),
        }
    }

    /// Continues a walk at a link. A function of its own, because the link's text takes much of the stack.
    #[inline(never)]
    fn follow(&mut self, mut link: Place, rest: &str, last: LastLink) -> Result<Target> {
        let mut path = PathText::from(rest).map_err(|_| Errno::ENAMETOOLONG)?;
        for _ in 0..MAX_LINKS {
            let target = self.mounts.filesystem(link)?.read_link(link.inode)?;
            prepend(&target, &mut path)?;
            if path.starts_with('/') {
                self.at = self.mounts.root()?;
                self.depth = 0;
            }
            match self.go(&path, last)? {
                Progress::End(target) => return Ok(target),
                Progress::Link(next, rest) => {
                    link = next;
                    let rest = rest.len();
                    keep_suffix(&mut path, rest);
                }
            }
        }
        Err(Errno::ELOOP)
    }

    /// Walks until the end or a link that is to be followed.
    fn go<'a>(&mut self, path: &'a str, last: LastLink) -> Result<Progress<'a>> {
        let mut target = self.here();
        let mut rest = path;
        while let Some((part, behind)) = split_first(rest) {
            let is_last = behind.trim_start_matches('/').is_empty();
            // `file/`, `file/.` and `file/..` do not exist, even if the file does.
            self.mounts.check_directory(self.at)?;
            match part {
                "." => target = self.here(),
                ".." => {
                    self.at = self.mounts.parent(self.at)?;
                    self.depth = self.depth.saturating_sub(1);
                    target = self.here();
                }
                name if name.len() > NAME_MAX => return Err(Errno::ENAMETOOLONG),
                name => {
                    let name = Name::from(name).map_err(|_| Errno::ENAMETOOLONG)?;
                    let parent = self.at;
                    let filesystem = self.mounts.filesystem(parent)?;
                    let is_directory_meant = !behind.is_empty();
                    let inode = match filesystem.lookup(parent.inode, &name) {
                        Err(Errno::ENOENT) if is_last => {
                            self.check_depth()?;
                            let depth = self.depth;
                            let name = Some(name);
                            let target = Target { parent, name, found: None, depth, is_directory_meant };
                            return Ok(Progress::End(target));
                        }
                        found => found?,
                    };
                    let place = Place { mount: parent.mount, inode };
                    let is_followed = !is_last || is_directory_meant || last == LastLink::Follow;
                    if is_followed && self.mounts.metadata(place)?.kind == Kind::Link {
                        return Ok(Progress::Link(place, behind));
                    }
                    self.check_depth()?;
                    let depth = self.depth;
                    self.depth = self.depth.saturating_add(1);
                    self.at = self.mounts.covered(place);
                    target =
                        Target { parent, name: Some(name), found: Some(self.at), depth, is_directory_meant };
                }
            }
            rest = behind;
        }
        if target.is_directory_meant {
            self.mounts.check_directory(self.at)?;
        }
        Ok(Progress::End(target))
    }

    /// A target without a name: where the walk is.
    fn here(&self) -> Target {
        let (parent, found) = (self.at, Some(self.at));
        Target { parent, name: None, found, depth: self.depth, is_directory_meant: true }
    }

    fn check_depth(&self) -> Result<()> {
        if self.depth < MAX_DEPTH { Ok(()) } else { Err(Errno::ENAMETOOLONG) }
    }
}

/// Prepends a link's text to the rest of a path.
fn prepend(text: &str, path: &mut PathText) -> Result<()> {
    let mut whole = PathText::from(text).map_err(|_| Errno::ENAMETOOLONG)?;
    whole.try_push_str(path).map_err(|_| Errno::ENAMETOOLONG)?;
    *path = whole;
    Ok(())
}

/// Keeps the last `length` bytes of a path.
fn keep_suffix(path: &mut PathText, length: usize) {
    let start = path.len().saturating_sub(length);
    let end = PathText::from(path.get(start..).unwrap_or_default()).unwrap_or_default();
    *path = end;
}

/// The path of a directory, found by walking up from it.
pub(crate) fn path_of(mounts: &Mounts, directory: Place) -> Result<PathBuffer> {
    let root = mounts.root()?;
    let mut path = PathBuffer::new();
    let mut at = directory;
    while at != root {
        let parent = mounts.parent(at)?;
        let name = name_in(mounts, parent, at)?;
        if path.remaining_capacity() <= name.len() {
            return Err(Errno::ENAMETOOLONG);
        }
        // The walk goes up, so each name is prepended.
        let below = path;
        path.clear();
        path.push('/');
        path.push_str(&name);
        path.push_str(&below);
        at = parent;
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(path)
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

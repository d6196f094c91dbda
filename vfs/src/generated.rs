//! File systems of generated files: a fixed tree of nodes, each of which only generates text.

use core::fmt::{self, Write};

use crate::errno::{Errno, Result};
use crate::filesystem::{Contents, FileSystem, Statistics};
use crate::inode::{DirectoryEntry, InodeId, Kind, Metadata, Name};
use crate::path::PathBuffer;

const ROOT: InodeId = InodeId(1);

/// A file that is rendered whole, once, when it is opened.
pub trait Text: Sync {
    /// Writes the text.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn render(&self, out: &mut dyn Write) -> fmt::Result;
}

/// A file whose rows are written while it is read.
pub trait Table: Sync {
    /// Writes the header before the rows.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn header(&self, out: &mut dyn Write) -> fmt::Result;

    /// Writes rows from `cursor` on (0 for the first one): whole rows, at most [`crate::BATCH_BYTES`]. Returns the cursor of
    /// the next row; `None` at the end.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn rows(&self, cursor: u64, out: &mut dyn Write) -> core::result::Result<Option<u64>, fmt::Error>;
}

/// A file that takes commands, one per line. Reading it renders its text.
pub trait Control: Text {
    /// Executes a command: a line without its newline. Blank lines are skipped by the caller.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an unknown command; nothing is changed then.
    fn command(&self, line: &str) -> Result<()>;
}

/// A table that takes commands, one per line.
pub trait ControlTable: Table {
    /// Executes a command, as [`Control::command`] does.
    ///
    /// # Errors
    ///
    /// As for [`Control::command`].
    fn command(&self, line: &str) -> Result<()>;
}

/// The receiver of commands that are written to a file.
#[derive(Clone, Copy)]
pub(crate) enum Commands {
    Text(&'static dyn Control),
    Table(&'static dyn ControlTable),
}

impl Commands {
    pub(crate) fn command(self, line: &str) -> Result<()> {
        match self {
            Self::Text(control) => control.command(line),
            Self::Table(control) => control.command(line),
        }
    }
}

/// A character device.
pub trait Device: Sync {
    /// Reads bytes, and returns their number; 0 at the end. `position` is 0 at first and is set by seeks; the device may
    /// count bytes or records in it, or ignore it.
    ///
    /// # Errors
    ///
    /// The device's own.
    fn read(&self, position: &mut u64, target: &mut [u8]) -> Result<usize>;

    /// Writes bytes, and returns how many were taken.
    ///
    /// # Errors
    ///
    /// The device's own.
    fn write(&self, bytes: &[u8]) -> Result<usize>;
}

/// What a node is.
#[derive(Clone, Copy)]
pub enum Content {
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
    /// A directory.
    Directory(&'static [Node]),
    /// A symbolic link to this path.
    Link(&'static str),
}

impl Content {
    /// The kind of inode, and its permissions.
    fn kind_and_mode(&self) -> (Kind, u16) {
        match self {
            Self::Text(_) | Self::Table(_) => (Kind::File, 0o444),
            Self::Control(_) | Self::ControlTable(_) => (Kind::File, 0o644),
            Self::Device(_) => (Kind::Device, 0o666),
            Self::Directory(_) => (Kind::Directory, 0o555),
            Self::Link(_) => (Kind::Link, 0o777),
        }
    }
}

/// A generated file or directory in its directory.
#[derive(Clone, Copy)]
pub struct Node {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub content: Content,
}

/// A fixed tree of generated files.
pub struct GeneratedFs {
    type_name: &'static str,
    nodes: &'static [Node],
    now: fn() -> u64,
}

/// A node with its inode number. Inodes are numbered in the order of a walk, each directory before its entries.
#[derive(Clone, Copy)]
struct Entry {
    node: &'static Node,
    inode: InodeId,
    parent: InodeId,
}

impl GeneratedFs {
    /// A file system of type `type_name` with these nodes in its root. `now` gives the nanoseconds since
    /// 1970-01-01.
    pub const fn new(type_name: &'static str, nodes: &'static [Node], now: fn() -> u64) -> Self {
        Self { type_name, nodes, now }
    }

    /// The first entry, by inode number, for which `is_wanted` holds.
    fn find(&self, mut is_wanted: impl FnMut(&Entry) -> bool) -> Result<Entry> {
        let mut last = ROOT.0;
        walk(self.nodes, ROOT, &mut last, &mut is_wanted).ok_or(Errno::ENOENT)
    }

    /// The entry of an inode that is not the root.
    fn entry(&self, inode: InodeId) -> Result<Entry> {
        self.find(|entry| entry.inode == inode)
    }

    fn check_directory(&self, inode: InodeId) -> Result<()> {
        if inode == ROOT || matches!(self.entry(inode)?.node.content, Content::Directory(_)) {
            Ok(())
        } else {
            Err(Errno::ENOTDIR)
        }
    }
}

fn walk(
    nodes: &'static [Node],
    parent: InodeId,
    last: &mut u64,
    is_wanted: &mut dyn FnMut(&Entry) -> bool,
) -> Option<Entry> {
    nodes.iter().find_map(|node| {
        *last = last.saturating_add(1);
        let entry = Entry { node, inode: InodeId(*last), parent };
        if is_wanted(&entry) {
            return Some(entry);
        }
        match node.content {
            Content::Directory(nodes) => walk(nodes, entry.inode, last, is_wanted),
            _ => None,
        }
    })
}

impl FileSystem for GeneratedFs {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn root(&self) -> InodeId {
        ROOT
    }

    fn lookup(&self, directory: InodeId, name: &str) -> Result<InodeId> {
        self.check_directory(directory)?;
        Ok(self.find(|entry| entry.parent == directory && entry.node.name == name)?.inode)
    }

    fn parent(&self, directory: InodeId) -> Result<InodeId> {
        self.check_directory(directory)?;
        Ok(if directory == ROOT { ROOT } else { self.entry(directory)?.parent })
    }

    fn metadata(&self, inode: InodeId) -> Result<Metadata> {
        let (kind, mode) = if inode == ROOT {
            (Kind::Directory, 0o555)
        } else {
            self.entry(inode)?.node.content.kind_and_mode()
        };
        let mut links = 1_u32;
        if kind == Kind::Directory {
            links = 2;
            let _ = self.find(|entry| {
                let is_below = entry.parent == inode && matches!(entry.node.content, Content::Directory(_));
                links = links.saturating_add(u32::from(is_below));
                false
            });
        }
        let modified_ns = (self.now)();
        Ok(Metadata { inode, kind, mode, size_bytes: 0, links, uid: 0, gid: 0, blocks_512: 0, modified_ns })
    }

    fn read_directory(&self, directory: InodeId, cursor: u64) -> Result<Option<(DirectoryEntry, u64)>> {
        self.check_directory(directory)?;
        let Ok(next) = self.find(|entry| entry.parent == directory && entry.inode.0 > cursor) else {
            return Ok(None);
        };
        let name = Name::from(next.node.name).map_err(|_| Errno::ENAMETOOLONG)?;
        let (kind, _) = next.node.content.kind_and_mode();
        Ok(Some((DirectoryEntry { name, kind, inode: next.inode }, next.inode.0)))
    }

    fn read_link(&self, inode: InodeId) -> Result<PathBuffer> {
        match self.entry(inode)?.node.content {
            Content::Link(target) => PathBuffer::from(target).map_err(|_| Errno::ENAMETOOLONG),
            _ => Err(Errno::EINVAL),
        }
    }

    fn is_higher_than(&self, directory: InodeId, _levels: usize) -> Result<bool> {
        self.check_directory(directory)?;
        // Only renames ask for this, and nothing here can be renamed.
        Ok(false)
    }

    fn statistics(&self) -> Statistics {
        Statistics { block_bytes: 4096, ..Statistics::default() }
    }

    fn open(&self, inode: InodeId) -> Result<Contents> {
        if inode == ROOT {
            return Err(Errno::EISDIR);
        }
        Ok(match self.entry(inode)?.node.content {
            Content::Text(text) => Contents::Text(text),
            Content::Table(table) => Contents::Table(table),
            Content::Control(control) => Contents::Control(control),
            Content::ControlTable(control) => Contents::ControlTable(control),
            Content::Device(device) => Contents::Device(device),
            Content::Directory(_) => return Err(Errno::EISDIR),
            Content::Link(_) => return Err(Errno::ELOOP),
        })
    }
}

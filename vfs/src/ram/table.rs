//! The inodes of a ramfs: records of 64 bytes in pages of their own.

use super::space::{PAGE_BYTES, Space};
use super::tree::Tree;
use crate::errno::{Errno, Result};
use crate::inode::{InodeId, Kind};

const RECORD_BYTES: usize = 64;
pub(super) const RECORDS_PER_PAGE: u64 = (PAGE_BYTES / RECORD_BYTES) as u64;
/// The root is kept apart, so that an empty file system has no page.
pub(super) const ROOT: InodeId = InodeId(1);
const FIRST_NUMBER: u64 = ROOT.0 + 1;
const NUMBER_BITS: u32 = 32;

/// An inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inode {
    /// `None` for a record that is free.
    pub(super) kind: Option<Kind>,
    pub(super) mode: u16,
    /// Tells inodes apart that have the same record one after the other.
    pub(super) generation: u32,
    /// Names; of a directory, itself and the directories in it as well.
    pub(super) links: u32,
    /// How often it is open.
    pub(super) opens: u32,
    /// Entries of a directory.
    pub(super) entries: u32,
    pub(super) size_bytes: u64,
    pub(super) tree: Tree,
    /// The directory that a directory stands in.
    pub(super) parent: InodeId,
    pub(super) modified_ns: u64,
}

impl Inode {
    /// One without contents.
    pub(super) const fn new(kind: Kind, parent: InodeId, modified_ns: u64) -> Self {
        let (mode, links) = match kind {
            Kind::Directory => (0o755, 2),
            Kind::Link => (0o777, 1),
            Kind::File | Kind::Device => (0o644, 1),
        };
        let tree = Tree { root: 0, height: 0, pages: 0 };
        Self {
            kind: Some(kind),
            mode,
            generation: 0,
            links,
            opens: 0,
            entries: 0,
            size_bytes: 0,
            tree,
            parent,
            modified_ns,
        }
    }

    fn to_record(self) -> [u8; RECORD_BYTES] {
        let mut record = [0; RECORD_BYTES];
        let kind = self.kind.map_or(0, kind_to_byte);
        let mut rest = record.as_mut_slice();
        let mut put = |bytes: &[u8]| {
            if let Some(field) = rest.split_off_mut(..bytes.len()) {
                field.copy_from_slice(bytes);
            }
        };
        put(&[kind, self.tree.height]);
        put(&self.mode.to_le_bytes());
        for field in [self.generation, self.links, self.opens, self.entries, self.tree.root, self.tree.pages]
        {
            put(&field.to_le_bytes());
        }
        for field in [self.size_bytes, self.parent.0, self.modified_ns] {
            put(&field.to_le_bytes());
        }
        record
    }

    fn from_record(record: &[u8; RECORD_BYTES]) -> Self {
        let mut rest = record.as_slice();
        let [kind, height] = take(&mut rest);
        let mode = u16::from_le_bytes(take(&mut rest));
        let [generation, links, opens, entries, root, pages] =
            core::array::from_fn(|_| u32::from_le_bytes(take(&mut rest)));
        let [size_bytes, parent, modified_ns] = core::array::from_fn(|_| u64::from_le_bytes(take(&mut rest)));
        Self {
            kind: byte_to_kind(kind),
            mode,
            generation,
            links,
            opens,
            entries,
            size_bytes,
            tree: Tree { root, height, pages },
            parent: InodeId(parent),
            modified_ns,
        }
    }
}

/// The next bytes of a record; zeros behind its end.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (field, behind) = rest.split_first_chunk().map_or(([0; N], *rest), |(field, rest)| (*field, rest));
    *rest = behind;
    field
}

/// A kind as a byte, never 0.
pub(super) fn kind_to_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Directory => 1,
        Kind::File => 2,
        Kind::Link => 3,
        Kind::Device => 4,
    }
}

/// The kind that a byte stands for.
pub(super) fn byte_to_kind(byte: u8) -> Option<Kind> {
    match byte {
        1 => Some(Kind::Directory),
        2 => Some(Kind::File),
        3 => Some(Kind::Link),
        4 => Some(Kind::Device),
        _ => None,
    }
}

/// All inodes.
pub(super) struct Table {
    root: Inode,
    tree: Tree,
    /// Records that have a page.
    length: u64,
    /// No record before this one is free.
    first_free: u64,
    /// Inodes that exist, the root included.
    pub(super) live: u64,
    next_generation: u32,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self {
            root: Inode::new(Kind::Directory, ROOT, 0),
            tree: Tree { root: 0, height: 0, pages: 0 },
            length: 0,
            first_free: 0,
            live: 1,
            next_generation: 1,
        }
    }

    /// The inode of a number that was given out.
    pub(super) fn get(&self, space: &Space, id: InodeId) -> Result<Inode> {
        if id == ROOT {
            return Ok(self.root);
        }
        let record = position(id).and_then(|position| self.record(space, position));
        let is_this = |inode: &Inode| u64::from(inode.generation) == id.0 >> NUMBER_BITS;
        record.filter(|inode| inode.kind.is_some() && is_this(inode)).ok_or(Errno::ENOENT)
    }

    /// The same, if it is a directory.
    pub(super) fn directory(&self, space: &Space, id: InodeId) -> Result<Inode> {
        self.get(space, id).and_then(|inode| match inode.kind {
            Some(Kind::Directory) => Ok(inode),
            _ => Err(Errno::ENOTDIR),
        })
    }

    fn record(&self, space: &Space, position: u64) -> Option<Inode> {
        let page = self.tree.find(space, position / RECORDS_PER_PAGE)?;
        let mut record = [0; RECORD_BYTES];
        space.read(page, offset(position), &mut record);
        Some(Inode::from_record(&record))
    }

    /// Puts a changed inode back.
    pub(super) fn set(&mut self, space: &Space, id: InodeId, inode: Inode) {
        if id == ROOT {
            self.root = inode;
        } else if let Some(position) = position(id)
            && let Some(page) = self.tree.find(space, position / RECORDS_PER_PAGE)
        {
            space.write(page, offset(position), &inode.to_record());
        }
    }

    /// Takes a new inode in.
    pub(super) fn add(&mut self, space: &mut Space, inode: Inode) -> Result<InodeId> {
        let is_free = |position: &u64| self.record(space, *position).is_none_or(|inode| inode.kind.is_none());
        let position = (self.first_free..self.length).find(is_free).unwrap_or(self.length);
        let number = position.checked_add(FIRST_NUMBER).and_then(|number| u32::try_from(number).ok());
        let number = number.ok_or(Errno::ENOSPC)?;
        self.tree.find_or_take(space, position / RECORDS_PER_PAGE)?;
        self.first_free = position.saturating_add(1);
        self.length = self.length.max(self.first_free.next_multiple_of(RECORDS_PER_PAGE));
        self.live = self.live.saturating_add(1);
        let generation = self.next_generation;
        // 0 is the root's alone.
        self.next_generation = generation.wrapping_add(1).max(1);
        let id = InodeId(u64::from(generation) << NUMBER_BITS | u64::from(number));
        self.set(space, id, Inode { generation, ..inode });
        Ok(id)
    }

    /// Frees an inode's record, and the pages at the table's end that have none left.
    pub(super) fn remove(&mut self, space: &mut Space, id: InodeId) {
        let Some(position) = position(id) else { return };
        self.set(space, id, Inode { kind: None, ..Inode::new(Kind::File, ROOT, 0) });
        self.live = self.live.saturating_sub(1);
        self.first_free = self.first_free.min(position);
        while self.length > 0 && self.is_last_page_free(space) {
            self.length = self.length.saturating_sub(RECORDS_PER_PAGE);
            self.tree.cut(space, self.length / RECORDS_PER_PAGE);
        }
        self.first_free = self.first_free.min(self.length);
    }

    fn is_last_page_free(&self, space: &Space) -> bool {
        (self.length.saturating_sub(RECORDS_PER_PAGE)..self.length)
            .rev()
            .all(|position| self.record(space, position).is_none_or(|inode| inode.kind.is_none()))
    }

    /// The directories from `id` up to the root, that one and the root included.
    pub(super) fn ancestors(&self, space: &Space, id: InodeId) -> impl Iterator<Item = InodeId> {
        core::iter::successors(Some(id), move |at| {
            (*at != ROOT).then(|| self.get(space, *at).ok().map(|inode| inode.parent)).flatten()
        })
    }

    /// Levels of names below a directory.
    pub(super) fn height(&self, space: &Space, directory: InodeId) -> usize {
        let distance = |(id, inode): (InodeId, Inode)| {
            let above = self.ancestors(space, id).position(|above| above == directory)?;
            Some(above.saturating_add(usize::from(inode.entries > 0)))
        };
        self.directories(space).filter_map(distance).max().unwrap_or(0)
    }

    /// All directories but the root.
    fn directories(&self, space: &Space) -> impl Iterator<Item = (InodeId, Inode)> {
        (0..self.length).filter_map(move |position| {
            let inode = self.record(space, position).filter(|inode| inode.kind == Some(Kind::Directory))?;
            let generation = u64::from(inode.generation) << NUMBER_BITS;
            Some((InodeId(generation | position.saturating_add(FIRST_NUMBER)), inode))
        })
    }
}

/// Where an inode's record stands among all.
fn position(id: InodeId) -> Option<u64> {
    (id.0 & u64::from(u32::MAX)).checked_sub(FIRST_NUMBER)
}

/// Where a record stands in its page.
fn offset(position: u64) -> usize {
    ((position % RECORDS_PER_PAGE) as usize).saturating_mul(RECORD_BYTES)
}

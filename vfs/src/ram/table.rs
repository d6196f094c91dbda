//! The inodes of a RAM file system: records of 64 bytes in pages of their own.

use super::space::{PAGE_BYTES, Space};
use super::tree::Tree;
use crate::errno::{Errno, Result};
use crate::inode::{InodeId, Kind};

const RECORD_BYTES: usize = 64;
pub(super) const RECORDS_PER_PAGE: u64 = (PAGE_BYTES / RECORD_BYTES) as u64;
/// The root is stored outside of the pages, so that an empty file system has no page.
pub(super) const ROOT: InodeId = InodeId(1);
const FIRST_NUMBER: u64 = ROOT.0 + 1;
const NUMBER_BITS: u32 = 32;

/// An inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inode {
    /// `None` for a record that is free.
    pub(super) kind: Option<Kind>,
    pub(super) mode: u16,
    /// Tells successive inodes in the same record apart.
    pub(super) generation: u32,
    /// Names; of a directory, itself and the directories in it as well.
    pub(super) links: u32,
    /// Number of open descriptors.
    pub(super) opens: u32,
    /// Number of entries of a directory.
    pub(super) entries: u32,
    pub(super) size_bytes: u64,
    pub(super) tree: Tree,
    /// The index of a directory of more than one page.
    pub(super) index: Tree,
    /// Upper bound of the levels of names below a directory.
    pub(super) levels_below: u8,
    /// The parent of a directory.
    pub(super) parent: InodeId,
    pub(super) modified_ns: u64,
}

impl Inode {
    /// An inode without contents.
    pub(super) const fn new(kind: Kind, parent: InodeId, modified_ns: u64) -> Self {
        let (mode, links) = match kind {
            Kind::Directory => (0o755, 2),
            Kind::Link => (0o777, 1),
            Kind::File | Kind::Device => (0o644, 1),
        };
        let empty = Tree { root: 0, height: 0, pages: 0 };
        Self {
            kind: Some(kind),
            mode,
            generation: 0,
            links,
            opens: 0,
            entries: 0,
            size_bytes: 0,
            tree: empty,
            index: empty,
            levels_below: 0,
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
        put(&[kind, self.tree.height, self.index.height, self.levels_below]);
        put(&self.mode.to_le_bytes());
        for field in [self.generation, self.links, self.opens, self.entries] {
            put(&field.to_le_bytes());
        }
        for tree in [self.tree, self.index] {
            put(&tree.root.to_le_bytes());
            put(&tree.pages.to_le_bytes());
        }
        for field in [self.size_bytes, self.parent.0, self.modified_ns] {
            put(&field.to_le_bytes());
        }
        record
    }

    fn from_record(record: &[u8; RECORD_BYTES]) -> Self {
        let mut rest = record.as_slice();
        let [kind, tree_height, index_height, levels_below] = take(&mut rest);
        let mode = u16::from_le_bytes(take(&mut rest));
        let mut number = || u32::from_le_bytes(take(&mut rest));
        let [generation, links, opens, entries] = core::array::from_fn(|_| number());
        let [tree, index] =
            [tree_height, index_height].map(|height| Tree { root: number(), height, pages: number() });
        let [size_bytes, parent, modified_ns] = core::array::from_fn(|_| u64::from_le_bytes(take(&mut rest)));
        Self {
            kind: byte_to_kind(kind),
            mode,
            generation,
            links,
            opens,
            entries,
            size_bytes,
            tree,
            index,
            levels_below,
            parent: InodeId(parent),
            modified_ns,
        }
    }
}

/// The next bytes of a record; zeros beyond its end.
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
    /// Number of records for which there are pages.
    length: u64,
    /// The first record of the list of free ones.
    first_free: Neighbour,
    /// Inodes that exist, the root included.
    pub(super) live: u64,
    next_generation: u32,
}

/// The position of another free record, plus 1; 0 if there is none.
type Neighbour = u32;

/// The neighbours of a free record in their list.
#[derive(Clone, Copy, Debug, Default)]
struct FreeRecord {
    next: Neighbour,
    previous: Neighbour,
}

/// Offset of the links in a free record, after the kind, which is 0.
const NEIGHBOURS_OFFSET: usize = 8;

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

    /// The inode with this number; `ENOENT` if it does not exist any more.
    pub(super) fn get(&self, space: &Space, id: InodeId) -> Result<Inode> {
        if id == ROOT {
            return Ok(self.root);
        }
        let record = position(id).and_then(|position| self.record(space, position));
        let is_this = |inode: &Inode| u64::from(inode.generation) == id.0 >> NUMBER_BITS;
        record.filter(|inode| inode.kind.is_some() && is_this(inode)).ok_or(Errno::ENOENT)
    }

    /// Like [`Self::get`]; `ENOTDIR` if it is not a directory.
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

    /// The tree of the records' pages.
    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The first result that `look` has for an inode; the root comes first.
    pub(super) fn find_map<T>(
        &self,
        space: &Space,
        mut look: impl FnMut(InodeId, &Inode) -> Option<T>,
    ) -> Option<T> {
        look(ROOT, &self.root).or_else(|| {
            (0..self.length).find_map(|position| {
                let inode = self.record(space, position).filter(|inode| inode.kind.is_some())?;
                let number = position.saturating_add(FIRST_NUMBER);
                look(InodeId(u64::from(inode.generation) << NUMBER_BITS | number), &inode)
            })
        })
    }

    /// Writes a changed inode.
    pub(super) fn set(&mut self, space: &Space, id: InodeId, inode: Inode) {
        if id == ROOT {
            self.root = inode;
        } else if let Some(position) = position(id)
            && let Some(page) = self.tree.find(space, position / RECORDS_PER_PAGE)
        {
            space.write(page, offset(position), &inode.to_record());
        }
    }

    /// Adds an inode.
    pub(super) fn add(&mut self, space: &mut Space, inode: Inode) -> Result<InodeId> {
        if self.first_free == 0 {
            self.add_page(space)?;
        }
        let position = u64::from(self.first_free).checked_sub(1).ok_or(Errno::ENOSPC)?;
        self.remove_free(space, position);
        self.live = self.live.saturating_add(1);
        let generation = self.next_generation;
        // Generation 0 is reserved for the root.
        self.next_generation = generation.wrapping_add(1).max(1);
        let number = position.saturating_add(FIRST_NUMBER);
        let id = InodeId(u64::from(generation) << NUMBER_BITS | number);
        self.set(space, id, Inode { generation, ..inode });
        Ok(id)
    }

    /// Adds a page of free records.
    fn add_page(&mut self, space: &mut Space) -> Result<()> {
        let end = self.length.saturating_add(RECORDS_PER_PAGE);
        // Numbers of inodes have 32 bits.
        if end.saturating_add(FIRST_NUMBER) > u64::from(u32::MAX) {
            return Err(Errno::ENOSPC);
        }
        self.tree.find_or_take(space, self.length / RECORDS_PER_PAGE)?;
        let first = core::mem::replace(&mut self.length, end);
        (first..end).rev().for_each(|position| self.add_free(space, position));
        Ok(())
    }

    /// Frees an inode's record, and the pages at the table's end that have only free records.
    pub(super) fn remove(&mut self, space: &mut Space, id: InodeId) {
        let Some(position) = position(id) else { return };
        self.add_free(space, position);
        self.live = self.live.saturating_sub(1);
        while let Some(start) = self.length.checked_sub(RECORDS_PER_PAGE)
            && (start..self.length).rev().all(|position| self.is_free(space, position))
        {
            (start..self.length).for_each(|position| self.remove_free(space, position));
            self.length = start;
            self.tree.cut(space, start / RECORDS_PER_PAGE);
        }
    }

    fn is_free(&self, space: &Space, position: u64) -> bool {
        self.record(space, position).is_none_or(|inode| inode.kind.is_none())
    }

    /// Adds a record to the front of the list of free ones, and writes it.
    fn add_free(&mut self, space: &Space, position: u64) {
        let link = position.saturating_add(1) as Neighbour;
        let next = core::mem::replace(&mut self.first_free, link);
        self.write_free(space, position, FreeRecord { next, previous: 0 });
        self.change_free(space, next, |record| record.previous = link);
    }

    /// Removes a record from the list of free ones.
    fn remove_free(&mut self, space: &Space, position: u64) {
        let FreeRecord { next, previous } = self.free_record(space, position);
        self.change_free(space, next, |record| record.previous = previous);
        if previous == 0 {
            self.first_free = next;
        }
        self.change_free(space, previous, |record| record.next = next);
    }

    fn change_free(&self, space: &Space, neighbour: Neighbour, change: impl FnOnce(&mut FreeRecord)) {
        if let Some(position) = u64::from(neighbour).checked_sub(1) {
            let mut record = self.free_record(space, position);
            change(&mut record);
            self.write_free(space, position, record);
        }
    }

    fn free_record(&self, space: &Space, position: u64) -> FreeRecord {
        let mut neighbours = [[0; size_of::<Neighbour>()]; 2];
        if let Some(page) = self.tree.find(space, position / RECORDS_PER_PAGE) {
            let start = offset(position).saturating_add(NEIGHBOURS_OFFSET);
            space.read(page, start, neighbours.as_flattened_mut());
        }
        let [next, previous] = neighbours.map(Neighbour::from_le_bytes);
        FreeRecord { next, previous }
    }

    fn write_free(&self, space: &Space, position: u64, FreeRecord { next, previous }: FreeRecord) {
        let mut record = [0; RECORD_BYTES];
        if let Some(neighbours) = record.get_mut(NEIGHBOURS_OFFSET..).and_then(<[u8]>::first_chunk_mut::<8>) {
            *neighbours = (u64::from(previous) << u32::BITS | u64::from(next)).to_le_bytes();
        }
        if let Some(page) = self.tree.find(space, position / RECORDS_PER_PAGE) {
            space.write(page, offset(position), &record);
        }
    }

    /// The directories from `id` up to the root, both included.
    pub(super) fn ancestors(&self, space: &Space, id: InodeId) -> impl Iterator<Item = InodeId> {
        core::iter::successors(Some(id), move |at| {
            (*at != ROOT).then(|| self.get(space, *at).ok().map(|inode| inode.parent)).flatten()
        })
    }
}

/// The position of an inode's record in the table.
fn position(id: InodeId) -> Option<u64> {
    (id.0 & u64::from(u32::MAX)).checked_sub(FIRST_NUMBER)
}

/// The offset of a record in its page.
fn offset(position: u64) -> usize {
    ((position % RECORDS_PER_PAGE) as usize).saturating_mul(RECORD_BYTES)
}

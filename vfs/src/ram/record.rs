//! The records that fill a directory's pages, one after the other: each is an entry or free.
//!
//! An entry never moves, so its offset is a cursor that stays valid while other entries are added and removed. The layout
//! is that of ext2 (The Linux kernel, Documentation/filesystems/ext2.rst, "Directories"), with the links that
//! [`index`](super::index) needs.

use super::space::{PAGE_BYTES, Space};
use super::table::{byte_to_kind, kind_to_byte};
use super::tree::Tree;
use crate::inode::{InodeId, Kind};
use crate::path::NAME_MAX;

/// Inode (8 bytes, 0 where the record is free), next record of its list (4), hash or previous record (4), length of
/// the record (2), length of the name (1), kind (1).
pub(super) const HEAD_BYTES: usize = 20;
/// Records start at multiples of this.
pub(super) const ALIGNMENT: usize = 4;
/// The same, in the type of offsets.
const UNIT: u64 = ALIGNMENT as u64;
/// A smaller rest stays a part of the record before it.
pub(super) const MIN_FREE_BYTES: usize = 32;

/// Bytes per page, in the type of offsets.
pub(super) const PAGE: u64 = PAGE_BYTES as u64;

/// A page's copy. It takes much of the stack.
pub(super) type Page = [u8; PAGE_BYTES];

/// The next record of a list, in the same directory, or the list's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Link(u32);

impl Link {
    /// The end of a list.
    pub(super) const END: Self = Self(0);
    /// Maximum offset that a link can hold, which limits the size of a directory.
    pub(super) const MAX_OFFSET: u64 = (u32::MAX as u64 - 1) * UNIT;

    /// A link to the record at `offset`, which is at most [`Self::MAX_OFFSET`].
    pub(super) fn to(offset: u64) -> Self {
        Self((offset / UNIT).saturating_add(1) as u32)
    }

    /// From its stored form.
    pub(super) fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Its stored form.
    pub(super) fn number(self) -> u32 {
        self.0
    }

    /// The record's offset; `None` at the end of a list.
    pub(super) fn offset(self) -> Option<u64> {
        Some(u64::from(self.0.checked_sub(1)?).saturating_mul(UNIT))
    }
}

/// A record without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Offset in the directory, in bytes.
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) next: Link,
    pub(super) contents: Contents,
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    Free { previous: Link },
    Entry { inode: InodeId, kind: Kind, hash: u32, name_length: usize },
}

impl Record {
    pub(super) fn free(offset: u64, length: usize) -> Self {
        Self { offset, length, next: Link::END, contents: Contents::Free { previous: Link::END } }
    }

    pub(super) fn is_free(&self) -> bool {
        matches!(self.contents, Contents::Free { .. })
    }

    /// Which page it is in.
    pub(super) fn page_index(&self) -> u64 {
        self.offset / PAGE
    }

    /// Where its name starts in that page.
    pub(super) fn name_start(&self) -> usize {
        start(self.offset).saturating_add(HEAD_BYTES)
    }

    fn from_head(offset: u64, head: &[u8; HEAD_BYTES]) -> Option<Self> {
        let (inode, rest) = head.split_first_chunk()?;
        let (next, rest) = rest.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let [name_length, kind] = *rest.first_chunk()?;
        let inode = InodeId(u64::from_le_bytes(*inode));
        let hash = u32::from_le_bytes(*hash);
        let contents = match byte_to_kind(kind) {
            Some(kind) => Contents::Entry { inode, kind, hash, name_length: usize::from(name_length) },
            None => Contents::Free { previous: Link::from_number(hash) },
        };
        let length = usize::from(u16::from_le_bytes(*length));
        let next = Link::from_number(u32::from_le_bytes(*next));
        (length >= HEAD_BYTES).then_some(Self { offset, length, next, contents })
    }

    fn head(&self) -> [u8; HEAD_BYTES] {
        let (inode, hash, name_length, kind) = match self.contents {
            Contents::Free { previous } => (0, previous.number(), 0, 0),
            Contents::Entry { inode, kind, hash, name_length } => {
                (inode.0, hash, name_length as u8, kind_to_byte(kind))
            }
        };
        let mut head = [0; HEAD_BYTES];
        let bytes = inode.to_le_bytes().into_iter();
        let bytes = bytes.chain(self.next.number().to_le_bytes()).chain(hash.to_le_bytes());
        let bytes = bytes.chain((self.length as u16).to_le_bytes()).chain([name_length, kind]);
        for (slot, byte) in head.iter_mut().zip(bytes) {
            *slot = byte;
        }
        head
    }

    /// The record at `offset`.
    pub(super) fn read(space: &Space, contents: &Tree, offset: u64) -> Option<Self> {
        let page = contents.find(space, offset / PAGE)?;
        let mut head = [0; HEAD_BYTES];
        space.read(page, start(offset), &mut head);
        Self::from_head(offset, &head)
    }

    /// Writes all but the name.
    pub(super) fn write(&self, space: &Space, contents: &Tree) {
        if let Some(page) = contents.find(space, self.page_index()) {
            space.write(page, start(self.offset), &self.head());
        }
    }

    /// Whether this is the entry of `name`.
    pub(super) fn has_name(&self, space: &Space, contents: &Tree, name: &str) -> bool {
        let Contents::Entry { name_length, .. } = self.contents else { return false };
        let mut buffer = [0; NAME_MAX];
        if name_length != name.len() {
            return false;
        }
        let (Some(page), Some(found)) =
            (contents.find(space, self.page_index()), buffer.get_mut(..name_length))
        else {
            return false;
        };
        space.read(page, self.name_start(), found);
        found == name.as_bytes()
    }
}

/// Where a record starts in its page.
fn start(offset: u64) -> usize {
    (offset % PAGE) as usize
}

/// Bytes that the record of such a name takes.
pub(super) fn bytes_needed(name: &str) -> usize {
    HEAD_BYTES.saturating_add(name.len()).next_multiple_of(ALIGNMENT)
}

/// The records of the page `index`, and the name of each; free ones have none.
pub(super) fn records(page: &Page, index: u64) -> impl Iterator<Item = (Record, &[u8])> {
    let mut at = 0_usize;
    core::iter::from_fn(move || {
        let bytes = page.get(at..)?;
        let offset = index.saturating_mul(PAGE).saturating_add(at as u64);
        let (head, rest) = bytes.split_first_chunk()?;
        let record = Record::from_head(offset, head)?;
        let name = match record.contents {
            Contents::Entry { name_length, .. } => rest.get(..name_length)?,
            Contents::Free { .. } => &[],
        };
        at = at.saturating_add(record.length);
        Some((record, name))
    })
}

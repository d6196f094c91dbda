//! The contents of a directory: names with their inodes, in pages.
//!
//! A page is full of records, one behind the other; a record is an entry or free. An entry never moves, so its
//! offset is a cursor that stays good while others come and go. The shape is that of ext2 (The Linux kernel,
//! Documentation/filesystems/ext2.rst, "Directories").

use super::space::{PAGE_BYTES, Space};
use super::table::{Inode, byte_to_kind, kind_to_byte};
use crate::errno::Result;
use crate::inode::{InodeId, Kind};

/// Inode (8 bytes, 0 where the record is free), length of the record (2), length of the name (1), kind (1).
const HEAD_BYTES: usize = 12;
/// Records start at multiples of this.
const ALIGNMENT: usize = 4;
/// A rest that is smaller stays with the record before it.
const MIN_FREE_BYTES: usize = 32;

type Page = [u8; PAGE_BYTES];

/// The same as offsets have it.
const PAGE: u64 = PAGE_BYTES as u64;

/// An entry, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its offset in the directory.
    pub(super) offset: u64,
    pub(super) inode: InodeId,
    pub(super) kind: Kind,
}

/// A record in a page.
#[derive(Clone, Copy)]
struct Record<'a> {
    offset: usize,
    length: usize,
    /// `None` where it is free.
    entry: Option<(InodeId, Kind)>,
    name: &'a [u8],
}

/// The records of a page.
fn records(page: &Page) -> impl Iterator<Item = Record<'_>> {
    let mut offset = 0_usize;
    core::iter::from_fn(move || {
        let bytes = page.get(offset..)?;
        let inode = u64::from_le_bytes(*bytes.first_chunk()?);
        let length = usize::from(u16::from_le_bytes(*bytes.get(8..)?.first_chunk()?));
        let [name_length, kind] = *bytes.get(10..)?.first_chunk()?;
        if length < HEAD_BYTES {
            return None;
        }
        let name = bytes.get(HEAD_BYTES..)?.get(..usize::from(name_length))?;
        let entry = byte_to_kind(kind).filter(|_| inode != 0).map(|kind| (InodeId(inode), kind));
        let record = Record { offset, length, entry, name };
        offset = offset.saturating_add(length);
        Some(record)
    })
}

/// What stands before a name.
fn head(entry: Option<(InodeId, Kind)>, length: usize, name_length: usize) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let (inode, kind) = entry.map_or((0, 0), |(inode, kind)| (inode.0, kind_to_byte(kind)));
    let bytes = inode.to_le_bytes().into_iter().chain((length as u16).to_le_bytes());
    for (slot, byte) in head.iter_mut().zip(bytes.chain([name_length as u8, kind])) {
        *slot = byte;
    }
    head
}

fn page_count(directory: &Inode) -> u64 {
    directory.size_bytes / PAGE
}

/// Copies a page of a directory, and says its number. The copy is the caller's to hold: it takes much of the
/// stack.
fn read_page(space: &Space, directory: &Inode, index: u64, page: &mut Page) -> Option<u32> {
    let number = directory.tree.find(space, index)?;
    space.read(number, 0, page);
    Some(number)
}

/// The first record of a directory that `choose` takes.
fn search<T>(
    space: &Space,
    directory: &Inode,
    from: u64,
    mut choose: impl FnMut(u64, &Record<'_>) -> Option<T>,
) -> Option<T> {
    let mut page = [0; PAGE_BYTES];
    (from..page_count(directory)).find_map(|index| {
        read_page(space, directory, index, &mut page)?;
        let start = index.saturating_mul(PAGE);
        records(&page).find_map(|record| choose(start.saturating_add(record.offset as u64), &record))
    })
}

/// The entry of a name.
pub(super) fn find(space: &Space, directory: &Inode, name: &str) -> Option<Found> {
    search(space, directory, 0, |offset, record| {
        let (inode, kind) = record.entry.filter(|_| record.name == name.as_bytes())?;
        Some(Found { offset, inode, kind })
    })
}

/// The first entry at `cursor` or behind it, its name, and the cursor behind it.
pub(super) fn next<T>(
    space: &Space,
    directory: &Inode,
    cursor: u64,
    take: impl Fn(Found, &str) -> T,
) -> Option<(T, u64)> {
    search(space, directory, cursor / PAGE, |offset, record| {
        let (inode, kind) = record.entry.filter(|_| offset >= cursor)?;
        let name = str::from_utf8(record.name).ok()?;
        Some((take(Found { offset, inode, kind }, name), offset.saturating_add(record.length as u64)))
    })
}

/// Adds an entry. The name is not there yet.
pub(super) fn add(
    space: &mut Space,
    directory: &mut Inode,
    name: &str,
    entry: (InodeId, Kind),
) -> Result<()> {
    let needed = HEAD_BYTES.saturating_add(name.len()).next_multiple_of(ALIGNMENT);
    let room = search(space, directory, 0, |offset, record| {
        (record.entry.is_none() && record.length >= needed).then_some((offset, record.length))
    });
    let (offset, length) = if let Some(room) = room {
        room
    } else {
        let offset = directory.size_bytes;
        directory.tree.find_or_take(space, page_count(directory))?;
        directory.size_bytes = directory.size_bytes.saturating_add(PAGE);
        (offset, PAGE_BYTES)
    };
    let Some(page) = directory.tree.find(space, offset / PAGE) else { return Ok(()) };
    let start = offset as usize % PAGE_BYTES;
    let rest = length.saturating_sub(needed);
    let own = if rest < MIN_FREE_BYTES { length } else { needed };
    if own < length {
        space.write(page, start.saturating_add(own), &head(None, rest, 0));
    }
    space.write(page, start, &head(Some(entry), own, name.len()));
    space.write(page, start.saturating_add(HEAD_BYTES), name.as_bytes());
    directory.entries = directory.entries.saturating_add(1);
    Ok(())
}

/// Lets an entry stand for another inode.
pub(super) fn replace(space: &Space, directory: &Inode, offset: u64, entry: (InodeId, Kind)) {
    let index = offset / PAGE;
    let start = offset as usize % PAGE_BYTES;
    let mut page = [0; PAGE_BYTES];
    if let Some(number) = read_page(space, directory, index, &mut page)
        && let Some(record) = records(&page).find(|record| record.offset == start)
    {
        space.write(number, start, &head(Some(entry), record.length, record.name.len()));
    }
}

/// Takes an entry away, and the pages at the directory's end that have none left.
pub(super) fn remove(space: &mut Space, directory: &mut Inode, offset: u64) {
    let start = offset as usize % PAGE_BYTES;
    let mut page = [0; PAGE_BYTES];
    let Some(number) = read_page(space, directory, offset / PAGE, &mut page) else { return };
    // The free records around it become one with it.
    let (first, length) = free_run(&page, start);
    space.write(number, first, &head(None, length, 0));
    directory.entries = directory.entries.saturating_sub(1);
    while directory.size_bytes > 0
        && read_page(space, directory, page_count(directory).saturating_sub(1), &mut page).is_some()
        && records(&page).all(|record| record.entry.is_none())
    {
        directory.size_bytes = directory.size_bytes.saturating_sub(PAGE);
        directory.tree.cut(space, page_count(directory));
    }
}

/// The run of free records around the one at `start`, which is taken as free: its offset and length.
fn free_run(page: &Page, start: usize) -> (usize, usize) {
    let mut run = (0, 0_usize);
    for record in records(page) {
        if record.entry.is_none() || record.offset == start {
            if run.1 == 0 {
                run.0 = record.offset;
            }
            run.1 = run.1.saturating_add(record.length);
        } else if record.offset > start {
            break;
        } else {
            run.1 = 0;
        }
    }
    run
}

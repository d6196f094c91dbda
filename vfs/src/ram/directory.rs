//! The contents of a directory: names with their inodes, in pages of [records](super::record).
//!
//! A directory of one page is searched linearly; a larger one has an [index]. So the time of an operation does not grow
//! with the number of entries.

use super::index;
use super::record::{Contents, Link, MIN_FREE_BYTES, PAGE, Page, Record, bytes_needed, records};
use super::space::{PAGE_BYTES, Space};
use super::table::Inode;
use crate::errno::{Errno, Result};
use crate::inode::{InodeId, Kind};

/// An entry, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its offset in the directory.
    pub(super) offset: u64,
    pub(super) inode: InodeId,
    pub(super) kind: Kind,
}

impl Found {
    fn of(record: &Record) -> Option<Self> {
        match record.contents {
            Contents::Entry { inode, kind, .. } => Some(Self { offset: record.offset, inode, kind }),
            Contents::Free { .. } => None,
        }
    }
}

fn page_count(directory: &Inode) -> u64 {
    directory.size_bytes / PAGE
}

/// Copies a page of a directory into the caller's buffer, which takes much of the stack.
fn read_page(space: &Space, directory: &Inode, index: u64, page: &mut Page) -> Option<()> {
    space.read(directory.tree.find(space, index)?, 0, page);
    Some(())
}

/// The first record from page `first` on for which `choose` returns something.
fn search<T>(
    space: &Space,
    directory: &Inode,
    first: u64,
    mut choose: impl FnMut(Record, &[u8]) -> Option<T>,
) -> Option<T> {
    let mut page = [0; PAGE_BYTES];
    (first..page_count(directory)).find_map(|index| {
        read_page(space, directory, index, &mut page)?;
        records(&page, index).find_map(|(record, name)| choose(record, name))
    })
}

/// The entry of a name.
pub(super) fn find(space: &Space, directory: &Inode, name: &str) -> Option<Found> {
    if index::is_there(directory) {
        return index::find(space, directory, name).and_then(|record| Found::of(&record));
    }
    search(space, directory, 0, |record, found| Found::of(&record).filter(|_| found == name.as_bytes()))
}

/// Calls `take` with the first entry at or after `cursor`; returns its result, and the cursor after the entry.
pub(super) fn next<T>(
    space: &Space,
    directory: &Inode,
    cursor: u64,
    take: impl Fn(Found, &str) -> T,
) -> Option<(T, u64)> {
    search(space, directory, cursor / PAGE, |record, name| {
        let found = Found::of(&record).filter(|found| found.offset >= cursor)?;
        let name = str::from_utf8(name).ok()?;
        Some((take(found, name), record.offset.saturating_add(record.length as u64)))
    })
}

/// Adds an entry, whose name must not exist. A failure changes nothing.
pub(super) fn add(
    space: &mut Space,
    directory: &mut Inode,
    name: &str,
    (inode, kind): (InodeId, Kind),
) -> Result<()> {
    let needed = bytes_needed(name);
    let room = match take_room(space, directory, needed) {
        Some(room) => room,
        None => add_page(space, directory)?,
    };
    let rest = room.length.saturating_sub(needed);
    let length = if rest < MIN_FREE_BYTES { room.length } else { needed };
    if length < room.length {
        let offset = room.offset.saturating_add(length as u64);
        add_free(space, directory, offset, rest);
    }
    let contents = Contents::Entry { inode, kind, hash: index::hash(name), name_length: name.len() };
    let record = Record { offset: room.offset, length, next: Link::END, contents };
    directory.entries = directory.entries.saturating_add(1);
    if let Some(page) = directory.tree.find(space, record.page_index()) {
        space.write(page, record.name_start(), name.as_bytes());
    }
    if index::is_there(directory) {
        index::add(space, directory, record);
    } else {
        record.write(space, &directory.tree);
    }
    Ok(())
}

/// A free record of at least `needed` bytes.
fn take_room(space: &Space, directory: &Inode, needed: usize) -> Option<Record> {
    if index::is_there(directory) {
        return index::take_free(space, directory, needed);
    }
    search(space, directory, 0, |record, _| (record.is_free() && record.length >= needed).then_some(record))
}

/// Adds a page at the end: one free record, which is in no list. With the second page an index is made.
fn add_page(space: &mut Space, directory: &mut Inode) -> Result<Record> {
    let offset = directory.size_bytes;
    if offset.saturating_add(PAGE) > Link::MAX_OFFSET {
        return Err(Errno::ENOSPC);
    }
    let count = page_count(directory);
    directory.tree.find_or_take(space, count)?;
    if count == 1
        && let Err(error) = make_index(space, directory)
    {
        directory.tree.cut(space, count);
        return Err(error);
    }
    directory.size_bytes = offset.saturating_add(PAGE);
    Ok(Record::free(offset, PAGE_BYTES))
}

/// Makes an index of the only page.
fn make_index(space: &mut Space, directory: &mut Inode) -> Result<()> {
    index::make(space, directory)?;
    let mut page = [0; PAGE_BYTES];
    if read_page(space, directory, 0, &mut page).is_some() {
        for (record, _) in records(&page, 0) {
            if record.is_free() {
                index::add_free(space, directory, record.offset, record.length);
            } else {
                index::add(space, directory, record);
            }
        }
    }
    Ok(())
}

/// Writes a free record.
fn add_free(space: &Space, directory: &Inode, offset: u64, length: usize) {
    if index::is_there(directory) {
        index::add_free(space, directory, offset, length);
    } else {
        Record::free(offset, length).write(space, &directory.tree);
    }
}

/// Changes the inode of an entry.
pub(super) fn replace(space: &Space, directory: &Inode, offset: u64, (inode, kind): (InodeId, Kind)) {
    if let Some(record) = Record::read(space, &directory.tree, offset)
        && let Contents::Entry { hash, name_length, .. } = record.contents
    {
        let contents = Contents::Entry { inode, kind, hash, name_length };
        Record { contents, ..record }.write(space, &directory.tree);
    }
}

/// Removes an entry, and the pages at the directory's end that have no entries left.
pub(super) fn remove(space: &mut Space, directory: &mut Inode, offset: u64) {
    let Some(record) = Record::read(space, &directory.tree, offset) else { return };
    directory.entries = directory.entries.saturating_sub(1);
    if index::is_there(directory) {
        index::remove(space, directory, &record);
    }
    // Merged with the free records around it.
    let (mut start, mut end) = (offset, offset.saturating_add(record.length as u64));
    let around = neighbours(space, directory, &record);
    for free in around.into_iter().flatten().filter(Record::is_free) {
        if index::is_there(directory) {
            index::remove_free(space, directory, free.offset);
        }
        start = start.min(free.offset);
        end = end.max(free.offset.saturating_add(free.length as u64));
    }
    add_free(space, directory, start, end.saturating_sub(start) as usize);
    cut_free_pages(space, directory);
}

/// The records before and after one in its page.
fn neighbours(space: &Space, directory: &Inode, record: &Record) -> [Option<Record>; 2] {
    let mut page = [0; PAGE_BYTES];
    let mut around = [None; 2];
    if read_page(space, directory, record.page_index(), &mut page).is_some() {
        let mut all = records(&page, record.page_index()).map(|(other, _)| other);
        around = [all.by_ref().take_while(|other| other.offset < record.offset).last(), all.next()];
    }
    around
}

/// Frees the pages at the end that hold no entry, and the index of a directory that no longer needs it.
fn cut_free_pages(space: &mut Space, directory: &mut Inode) {
    let before = directory.size_bytes;
    while let Some(last) = directory.size_bytes.checked_sub(PAGE)
        && let Some(record) = Record::read(space, &directory.tree, last)
        && record.is_free()
        && record.length == PAGE_BYTES
    {
        if index::is_there(directory) {
            index::remove_free(space, directory, last);
        }
        directory.size_bytes = last;
    }
    if directory.size_bytes < before {
        directory.tree.cut(space, page_count(directory));
    }
    if page_count(directory) <= 1 {
        index::discard(space, directory);
    }
}

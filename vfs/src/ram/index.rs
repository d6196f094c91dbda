//! The index of a directory of more than one page: entries by the hash of their names, free records by their length.
//!
//! It has pages of its own, with the number of buckets, the first free record of each length, and the first entry of each
//! bucket. The records themselves are linked. Buckets are added and removed one by one with the entries (linear hashing:
//! Larson, Dynamic Hash Tables, Communications of the ACM 31, 1988), so that no operation does work that grows with the
//! directory. If there is no page for another bucket, lists get longer, and nothing fails.

use super::record::{ALIGNMENT, Contents, HEAD_BYTES, Link, Record};
use super::space::{PAGE_BYTES, Space};
use super::table::Inode;
use crate::errno::Result;
use crate::path::NAME_MAX;

const WORD_BYTES: usize = 4;
const WORDS_PER_PAGE: u64 = (PAGE_BYTES / WORD_BYTES) as u64;
/// The word with the number of buckets.
const BUCKET_COUNT: u64 = 0;
/// The words with the first free record of each length, in units of the alignment. The last list has the records in which
/// any name fits.
pub(super) const FREE_LISTS: u64 = 1;
pub(super) const FREE_LIST_COUNT: usize = (HEAD_BYTES + NAME_MAX).div_ceil(ALIGNMENT) + 1;
pub(super) const FIRST_BUCKET: u64 = 128;
/// Maximum number of buckets added with an entry: more than one, to catch up after there was no page for a bucket.
const MAX_BUCKETS_AT_ONCE: usize = 2;

const _: () =
    assert!(FREE_LISTS + FREE_LIST_COUNT as u64 <= FIRST_BUCKET, "the lists end before the buckets");

/// The hash of a name (Fowler, Noll and Vo, FNV-1a), folded.
pub(super) fn hash(name: &str) -> u32 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash ^ hash >> 32) as u32
}

fn word(space: &Space, directory: &Inode, place: u64) -> u32 {
    let mut bytes = [0; WORD_BYTES];
    if let Some(page) = directory.index.find(space, place / WORDS_PER_PAGE) {
        space.read(page, word_start(place), &mut bytes);
    }
    u32::from_le_bytes(bytes)
}

fn set_word(space: &Space, directory: &Inode, place: u64, word: u32) {
    if let Some(page) = directory.index.find(space, place / WORDS_PER_PAGE) {
        space.write(page, word_start(place), &word.to_le_bytes());
    }
}

fn word_start(place: u64) -> usize {
    ((place % WORDS_PER_PAGE) as usize).saturating_mul(WORD_BYTES)
}

pub(super) fn first(space: &Space, directory: &Inode, list: u64) -> Link {
    Link::from_number(word(space, directory, list))
}

fn set_first(space: &Space, directory: &Inode, list: u64, link: Link) {
    set_word(space, directory, list, link.number());
}

pub(super) fn bucket_count(space: &Space, directory: &Inode) -> u32 {
    word(space, directory, BUCKET_COUNT)
}

/// The word with the list of a hash.
pub(super) fn bucket(hash: u32, count: u32) -> u64 {
    let mask = u64::from(count.max(1)).next_power_of_two().saturating_sub(1);
    let number = u64::from(hash) & mask;
    FIRST_BUCKET.saturating_add(if number < u64::from(count) { number } else { number & mask >> 1 })
}

/// Whether a directory has an index.
pub(super) fn is_there(directory: &Inode) -> bool {
    directory.index.root != 0
}

/// Makes an empty index.
pub(super) fn make(space: &mut Space, directory: &mut Inode) -> Result<()> {
    directory.index.find_or_take(space, 0)?;
    set_word(space, directory, BUCKET_COUNT, 1);
    Ok(())
}

/// Frees the index.
pub(super) fn discard(space: &mut Space, directory: &mut Inode) {
    directory.index.cut(space, 0);
}

/// The entry of a name.
pub(super) fn find(space: &Space, directory: &Inode, name: &str) -> Option<Record> {
    let hash = hash(name);
    let mut at = first(space, directory, bucket(hash, bucket_count(space, directory)));
    loop {
        let record = Record::read(space, &directory.tree, at.offset()?)?;
        let is_hash = matches!(record.contents, Contents::Entry { hash: found, .. } if found == hash);
        if is_hash && record.has_name(space, &directory.tree, name) {
            return Some(record);
        }
        at = record.next;
    }
}

/// Puts an entry at the front of its bucket's list, and writes its record.
fn push(space: &Space, directory: &Inode, record: Record, count: u32) {
    let Contents::Entry { hash, .. } = record.contents else { return };
    let list = bucket(hash, count);
    Record { next: first(space, directory, list), ..record }.write(space, &directory.tree);
    set_first(space, directory, list, Link::to(record.offset));
}

/// Distributes the entries of a list among `count` buckets.
fn distribute(space: &Space, directory: &Inode, list: Link, count: u32) {
    let mut at = list;
    while let Some(offset) = at.offset()
        && let Some(record) = Record::read(space, &directory.tree, offset)
    {
        at = record.next;
        push(space, directory, record, count);
    }
}

/// Adds an entry, and writes its record. The directory's count of entries must include it.
pub(super) fn add(space: &mut Space, directory: &mut Inode, record: Record) {
    push(space, directory, record, bucket_count(space, directory));
    for _ in 0..MAX_BUCKETS_AT_ONCE {
        let count = bucket_count(space, directory);
        let place = FIRST_BUCKET.saturating_add(count.into());
        if directory.entries <= count || directory.index.find_or_take(space, place / WORDS_PER_PAGE).is_err()
        {
            return;
        }
        // The new bucket shares the list of the one whose number lacks the highest bit.
        let split = bucket(count, count);
        let list = first(space, directory, split);
        let count = count.saturating_add(1);
        set_word(space, directory, BUCKET_COUNT, count);
        set_first(space, directory, split, Link::END);
        set_first(space, directory, place, Link::END);
        distribute(space, directory, list, count);
    }
}

/// Removes an entry. The directory's count of entries must no longer include it.
pub(super) fn remove(space: &mut Space, directory: &mut Inode, record: &Record) {
    let Contents::Entry { hash, .. } = record.contents else { return };
    let count = bucket_count(space, directory);
    let list = bucket(hash, count);
    let mut before: Option<Record> = None;
    let mut at = first(space, directory, list);
    while let Some(offset) = at.offset().filter(|offset| *offset != record.offset) {
        before = Record::read(space, &directory.tree, offset);
        at = before.map_or(Link::END, |before| before.next);
    }
    match before {
        Some(before) => Record { next: record.next, ..before }.write(space, &directory.tree),
        None => set_first(space, directory, list, record.next),
    }
    if directory.entries < count && count > 1 {
        let count = count.saturating_sub(1);
        let removed = FIRST_BUCKET.saturating_add(count.into());
        let orphans = first(space, directory, removed);
        set_word(space, directory, BUCKET_COUNT, count);
        distribute(space, directory, orphans, count);
        if removed.is_multiple_of(WORDS_PER_PAGE) {
            directory.index.cut(space, removed / WORDS_PER_PAGE);
        }
    }
}

/// The list of free records of a length.
pub(super) fn free_list(length: usize) -> u64 {
    let number = (length / ALIGNMENT).min(FREE_LIST_COUNT.saturating_sub(1));
    FREE_LISTS.saturating_add(number as u64)
}

/// Adds a free record, and writes it.
pub(super) fn add_free(space: &Space, directory: &Inode, offset: u64, length: usize) {
    let list = free_list(length);
    let next = first(space, directory, list);
    Record { next, ..Record::free(offset, length) }.write(space, &directory.tree);
    set_previous(space, directory, next, Link::to(offset));
    set_first(space, directory, list, Link::to(offset));
}

/// Removes the free record at `offset` from its list. The caller overwrites it.
pub(super) fn remove_free(space: &Space, directory: &Inode, offset: u64) {
    let Some(record) = Record::read(space, &directory.tree, offset) else { return };
    let Contents::Free { previous } = record.contents else { return };
    set_previous(space, directory, record.next, previous);
    match previous.offset().and_then(|offset| Record::read(space, &directory.tree, offset)) {
        Some(previous) => Record { next: record.next, ..previous }.write(space, &directory.tree),
        None => set_first(space, directory, free_list(record.length), record.next),
    }
}

fn set_previous(space: &Space, directory: &Inode, of: Link, previous: Link) {
    if let Some(record) = of.offset().and_then(|offset| Record::read(space, &directory.tree, offset)) {
        Record { contents: Contents::Free { previous }, ..record }.write(space, &directory.tree);
    }
}

/// Removes the shortest free record of at least `needed` bytes from its list, and returns it.
pub(super) fn take_free(space: &Space, directory: &Inode, needed: usize) -> Option<Record> {
    let mut lists = [[0; WORD_BYTES]; FREE_LIST_COUNT];
    let page = directory.index.find(space, 0)?;
    space.read(page, word_start(FREE_LISTS), lists.as_flattened_mut());
    let mut fitting = lists.iter().skip(needed / ALIGNMENT).map(|word| u32::from_le_bytes(*word));
    let offset = fitting.find_map(|number| Link::from_number(number).offset())?;
    let record = Record::read(space, &directory.tree, offset)?;
    remove_free(space, directory, offset);
    Some(record)
}

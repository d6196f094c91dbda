//! Directories with many names: the index against the records, and the steps that operations take.

use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use fastrand::Rng;

use super::record::{Contents, Link, PAGE, Record, records};
use super::space::PAGE_BYTES;
use super::table::{Inode, ROOT};
use super::{RamFs, State, index};
use crate::tests::host::{HostPages, ram};
use crate::{Errno, FileSystem, InodeId, Kind, New, Result, Sort};

/// Steps that one operation may take on a directory of any size: most when its first page gets an index.
const MAX_STEPS: u64 = 3000;
/// The same on average.
const MAX_AVERAGE_STEPS: u64 = 200;

/// Each record of a directory that `list` links, from its first on.
fn linked(state: &State, directory: &Inode, list: u64) -> Vec<Record> {
    let mut all = Vec::new();
    let mut at = index::first(&state.space, directory, list);
    while let Some(offset) = at.offset() {
        let record = Record::read(&state.space, &directory.tree, offset).unwrap();
        if let Contents::Free { previous } = record.contents {
            assert_eq!(previous.offset(), all.last().map(|before: &Record| before.offset));
        }
        at = record.next;
        all.push(record);
    }
    all
}

/// Each record is in the one list where it is looked for, and in no other; free ones lie nowhere side by side.
fn check(state: &State, directory: InodeId) {
    let is_limited = state.space.limit_pages < u64::MAX;
    let directory = state.directory(directory).unwrap();
    let mut page = [0; PAGE_BYTES];
    let mut all = Vec::new();
    for number in 0..directory.size_bytes / PAGE {
        state.space.read(directory.tree.find(&state.space, number).unwrap(), 0, &mut page);
        let in_page: Vec<Record> = records(&page, number).map(|(record, _)| record).collect();
        assert_eq!(in_page.iter().map(|record| record.length).sum::<usize>(), PAGE_BYTES);
        assert!(in_page.windows(2).all(|pair| !pair[0].is_free() || !pair[1].is_free()));
        all.extend(in_page);
    }
    let entries = all.iter().filter(|record| !record.is_free()).count();
    assert_eq!(entries, directory.entries as usize);
    assert_eq!(index::is_there(&directory), directory.size_bytes > PAGE);
    if !index::is_there(&directory) {
        return;
    }
    let buckets = index::bucket_count(&state.space, &directory);
    // As many as there are entries; fewer where there was no page for more.
    assert!(buckets <= directory.entries + 1, "{buckets} buckets, {entries} entries");
    assert!(is_limited || buckets + 1 >= directory.entries, "{buckets} buckets, {entries} entries");
    let (mut in_lists, mut longest) = (BTreeSet::new(), 0);
    for list in (0..buckets.into()).map(|number| index::FIRST_BUCKET + number) {
        let records = linked(state, &directory, list);
        longest = longest.max(records.len());
        for record in records {
            let Contents::Entry { hash, .. } = record.contents else { panic!("a free record in a bucket") };
            assert_eq!(index::bucket(hash, buckets), list);
            assert!(in_lists.insert(record.offset));
        }
    }
    assert!(is_limited || longest < 20, "{longest} entries in one bucket");
    for list in (0..index::FREE_LIST_COUNT as u64).map(|number| index::FREE_LISTS + number) {
        for record in linked(state, &directory, list) {
            assert!(record.is_free() && index::free_list(record.length) == list);
            assert!(in_lists.insert(record.offset));
        }
    }
    assert_eq!(in_lists, all.iter().map(|record| record.offset).collect());
}

/// One of some names of all lengths.
fn random_name(random: &mut Rng) -> String {
    let number = random.usize(..1500);
    let length = [number % 9, number % 40, number % 250][number % 3];
    format!("{number}{}", "n".repeat(length))
}

/// A listing under way: what it has shown, and what was there all the time since it began.
struct Listing {
    cursor: u64,
    seen: Vec<String>,
    stayed: BTreeSet<String>,
}

impl Listing {
    fn step(&mut self, ram: &RamFs, directory: InodeId) -> bool {
        let Some((entry, cursor)) = ram.read_directory(directory, self.cursor).unwrap() else { return false };
        assert!(cursor > self.cursor, "the cursor advances");
        self.cursor = cursor;
        self.seen.push(entry.name.to_string());
        true
    }

    fn check(&self) {
        let seen: BTreeSet<&String> = self.seen.iter().collect();
        for name in &self.stayed {
            assert!(seen.contains(name), "{name} stayed and was not listed");
        }
        let twice = self.seen.iter().filter(|name| self.stayed.contains(*name)).count();
        assert_eq!(twice, self.stayed.len(), "what stays is listed once");
    }
}

#[test]
fn large_directories_keep_what_a_map_keeps() {
    for (seed, limit_pages) in [(1, u64::MAX), (2, 30), (3, 9)] {
        let (ram, pages) = ram(limit_pages);
        let mut random = Rng::with_seed(seed);
        let directory = ram.create(ROOT, "directory", New::Directory).unwrap();
        let mut expected: BTreeMap<String, InodeId> = BTreeMap::new();
        let mut listing = Listing { cursor: 0, seen: Vec::new(), stayed: BTreeSet::new() };
        let mut full = 0;
        for step in 0..30_000 {
            // The directory grows, shrinks, and grows again.
            let is_growing = step / 5_000 % 2 == 0;
            let name = random_name(&mut random);
            match random.usize(..if is_growing { 10 } else { 20 }) {
                0..7 => match ram.create(directory, &name, New::File) {
                    Ok(inode) => assert!(expected.insert(name, inode).is_none()),
                    Err(Errno::EEXIST) => assert!(expected.contains_key(&name)),
                    Err(error) => {
                        assert_eq!(error, Errno::ENOSPC);
                        full += 1;
                    }
                },
                7 => {
                    let to = random_name(&mut random);
                    match ram.rename((directory, &name), (directory, &to)) {
                        Ok(()) => {
                            let inode = expected.remove(&name).unwrap();
                            listing.stayed.remove(&name);
                            listing.stayed.remove(&to);
                            expected.insert(to, inode);
                        }
                        Err(Errno::ENOENT) => assert!(!expected.contains_key(&name)),
                        Err(error) => {
                            assert_eq!(error, Errno::ENOSPC);
                            full += 1;
                        }
                    }
                }
                8 => {
                    let found = ram.lookup(directory, &name);
                    assert_eq!(found, expected.get(&name).copied().ok_or(Errno::ENOENT));
                }
                _ => {
                    let removed = ram.remove(directory, &name, Sort::Other);
                    assert_eq!(removed.is_ok(), expected.remove(&name).is_some());
                    listing.stayed.remove(&name);
                }
            }
            if !listing.step(ram, directory) {
                listing.check();
                let stayed = expected.keys().cloned().collect();
                listing = Listing { cursor: 0, seen: Vec::new(), stayed };
            }
            if step % 97 == 0 {
                check(&ram.state.lock(), directory);
            }
        }
        assert_eq!(full > 0, limit_pages < u64::MAX, "seed {seed}: {full} steps found no room");
        for (name, inode) in &expected {
            assert_eq!(ram.lookup(directory, name), Ok(*inode));
            ram.remove(directory, name, Sort::Other).unwrap();
        }
        check(&ram.state.lock(), directory);
        ram.remove(ROOT, "directory", Sort::Directory).unwrap();
        assert_eq!(pages.lent(), 0, "an empty file system has no page");
    }
}

/// What `operation` takes for each of many numbers: on average, and at most.
fn steps(pages: &HostPages, mut operation: impl FnMut(usize)) -> (u64, u64) {
    let (mut sum, mut most) = (0, 0);
    for number in 0..COUNT {
        pages.take_steps();
        operation(number);
        let steps = pages.take_steps();
        (sum, most) = (sum + steps, most.max(steps));
    }
    (sum / COUNT as u64, most)
}

const COUNT: usize = 8_000;

#[test]
fn operations_take_as_many_steps_in_a_large_directory_as_in_a_small_one() {
    let (ram, pages) = ram(u64::MAX);
    // Each number once, in no order.
    let mixed = |number: usize| number * 7919 % COUNT;
    let name = |number: usize| format!("file-{number}");
    let all = [
        ("create", steps(pages, |number| assert!(ram.create(ROOT, &name(number), New::File).is_ok()))),
        ("lookup", steps(pages, |number| assert!(ram.lookup(ROOT, &name(mixed(number))).is_ok()))),
        ("lookup in vain", steps(pages, |number| assert!(ram.lookup(ROOT, &format!("-{number}")).is_err()))),
        (
            "rename",
            steps(pages, |number| {
                ram.rename((ROOT, &name(mixed(number))), (ROOT, &format!("renamed-{number}"))).unwrap();
            }),
        ),
        // One goes and two come, in turn with two that go and one that comes: holes everywhere, and no free inode at
        // hand.
        (
            "come and go",
            steps(pages, |number| {
                ram.remove(ROOT, &format!("renamed-{}", mixed(number)), Sort::Other).unwrap();
                ram.create(ROOT, &format!("{}-{number}", "x".repeat(number % 200)), New::File).unwrap();
            }),
        ),
        (
            "remove",
            steps(pages, |number| {
                let number = mixed(number);
                ram.remove(ROOT, &format!("{}-{number}", "x".repeat(number % 200)), Sort::Other).unwrap();
            }),
        ),
    ];
    for (what, (average, most)) in all {
        // The removal that empties the end gives all pages back that were emptied before.
        let is_bounded = most <= MAX_STEPS || what == "remove";
        assert!(average <= MAX_AVERAGE_STEPS && is_bounded, "{what}: {average} steps, {most} at most");
    }
    assert_eq!(pages.lent(), 0);
}

#[test]
fn renaming_a_directory_takes_no_more_steps_beside_many() {
    const BESIDE: usize = 4000;
    let cost = |beside: usize| -> Result<u64> {
        let (ram, pages) = ram(u64::MAX);
        let mut at = ROOT;
        for depth in 0..10 {
            at = ram.create(at, &format!("{depth}"), New::Directory)?;
        }
        for number in 0..beside {
            let other = ram.create(ROOT, &format!("beside-{number}"), New::Directory)?;
            ram.create(other, "below", New::Directory)?;
        }
        let moved = ram.create(ROOT, "moved", New::Directory)?;
        ram.create(moved, "below", New::Directory)?;
        pages.take_steps();
        assert!(!ram.is_higher_than(moved, 10)?);
        ram.rename((ROOT, "moved"), (at, "there"))?;
        assert_eq!(ram.parent(moved)?, at);
        Ok(pages.take_steps())
    };
    let (alone, beside) = (cost(0).unwrap(), cost(BESIDE).unwrap());
    assert!(beside <= alone + 100, "{beside} steps beside {BESIDE} directories, {alone} alone");
}

/// The bound of levels is never too low, and counting makes it exact again.
#[test]
fn levels_are_those_of_the_tree() {
    let (ram, _) = ram(u64::MAX);
    let mut random = Rng::with_seed(5);
    let mut paths: BTreeMap<Vec<usize>, InodeId> = BTreeMap::from([(Vec::new(), ROOT)]);
    let levels = |paths: &BTreeMap<Vec<usize>, InodeId>, top: &Vec<usize>| {
        paths
            .keys()
            .filter(|path| path.starts_with(top))
            .map(|path| path.len() - top.len())
            .max()
            .unwrap_or(0)
    };
    for step in 0..1_500 {
        let chosen: Vec<&Vec<usize>> = paths.keys().collect();
        let path = chosen[random.usize(..chosen.len())].clone();
        let directory = paths[&path];
        let name = random.usize(..4);
        let child = [path.clone(), Vec::from([name])].concat();
        match random.usize(..4) {
            0 | 1 if path.len() < 12 => match ram.create(directory, &name.to_string(), New::Directory) {
                Ok(inode) => drop(paths.insert(child, inode)),
                Err(error) => assert!(error == Errno::EEXIST && paths.contains_key(&child)),
            },
            2 => {
                if ram.remove(directory, &name.to_string(), Sort::Directory).is_ok() {
                    paths.remove(&child);
                }
            }
            3 => {
                let from = chosen[random.usize(..chosen.len())].clone();
                let Some((last, above)) = from.split_last() else { continue };
                let fits = path.len() + 1 + levels(&paths, &from) <= 12;
                let is_new = !paths.contains_key(&child);
                if fits && is_new {
                    let renamed =
                        ram.rename((paths[above], &last.to_string()), (directory, &name.to_string()));
                    assert_eq!(renamed.is_err(), path.starts_with(&from));
                    if renamed.is_ok() {
                        let moved: Vec<_> =
                            paths.keys().filter(|path| path.starts_with(&from)).cloned().collect();
                        for old in moved {
                            let inode = paths.remove(&old).unwrap();
                            paths.insert([&child, &old[from.len()..]].concat(), inode);
                        }
                    }
                }
            }
            _ => {}
        }
        for (path, directory) in paths.iter().filter(|_| step % 11 == 0) {
            let bound = ram.state.lock().directory(*directory).unwrap().levels_below;
            assert!(usize::from(bound) >= levels(&paths, path), "{path:?} at step {step}");
        }
        if step % 7 == 0 {
            let exact = levels(&paths, &path);
            if paths.contains_key(&path) {
                assert_eq!(ram.is_higher_than(directory, exact), Ok(false));
                assert_eq!(ram.is_higher_than(directory, exact.saturating_sub(1)), Ok(exact > 0));
            }
        }
    }
}

#[test]
fn links_reach_each_record() {
    for offset in [0, 4, PAGE, Link::MAX_OFFSET] {
        assert_eq!(Link::to(offset).offset(), Some(offset));
    }
    assert_eq!((Link::END.offset(), Kind::File), (None, Kind::File));
}

//! Each page that an operation takes fails in turn: no panic, the tree is whole, and all pages come back.

use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

use super::host::{HostBuffers, HostPages, ram};
use crate::{Errno, Kind, MountOptions, OpenFlags, Result, SeekFrom, Vfs};

const NEW: OpenFlags = OpenFlags::WRITE.union(OpenFlags::CREATE);
/// More than any of the operations takes.
const MAX_PAGES: u64 = 400;

/// Pages that all of them take together, at least.
const MIN_FAILURES: u64 = 400;

/// An operation, by its name.
type Operation = (&'static str, fn(&Vfs) -> Result<()>);

const OPERATIONS: [Operation; 12] = [
    ("make a file", |vfs| write(vfs, "/new", NEW, 0, 1)),
    ("write a long file", |vfs| write(vfs, "/long", NEW, 0, 300_000)),
    ("write behind a hole", |vfs| write(vfs, "/hole", NEW, 5_000_000, 10_000)),
    ("write over a file", |vfs| write(vfs, "/file", OpenFlags::WRITE, 100, 20_000)),
    ("write at the end", |vfs| write(vfs, "/file", OpenFlags::WRITE.union(OpenFlags::APPEND), 0, 9000)),
    ("empty and fill a file", |vfs| write(vfs, "/file", NEW.union(OpenFlags::TRUNCATE), 0, 5000)),
    ("make directories", |vfs| {
        ["/1", "/1/2", "/1/2/3"].iter().try_for_each(|path| vfs.make_directory("/", path))
    }),
    ("make links", |vfs| {
        vfs.make_link("/", "file", "/link")?;
        vfs.make_link("/", &"x/".repeat(400), "/far")
    }),
    ("make many files", |vfs| {
        (0..300).try_for_each(|number| write(vfs, &std::format!("/directory/{number:060}"), NEW, 0, 1))
    }),
    ("rename", |vfs| vfs.rename("/", "/file", "/directory/a-much-longer-name-than-before-that-needs-room")),
    ("rename over another", |vfs| vfs.rename("/", "/directory/inner", "/file")),
    ("cut, touch, remove", |vfs| {
        let file = vfs.open("/", "/file", OpenFlags::WRITE)?;
        let cut = vfs.truncate(file, 4097).and(vfs.truncate(file, 1 << 30));
        vfs.close(file)?;
        cut?;
        vfs.touch("/", "/file")?;
        vfs.unlink("/", "/file")
    }),
];

fn write(vfs: &Vfs, path: &str, flags: OpenFlags, offset: u64, length: usize) -> Result<()> {
    let file = vfs.open("/", path, flags)?;
    let written = vfs.seek(file, SeekFrom::Start(offset)).and_then(|_| {
        let bytes = std::vec![7; length];
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            rest = &rest[vfs.write(file, rest)?..];
        }
        Ok(())
    });
    vfs.close(file).and(written)
}

/// A file system with a file and a directory with one in it.
fn new() -> (&'static Vfs, &'static HostPages) {
    let buffers: &'static HostBuffers = Box::leak(Box::default());
    let vfs: &'static Vfs = Box::leak(Box::new(Vfs::new(buffers)));
    let (ram, pages) = ram(u64::MAX);
    vfs.mount("none", "/", ram, MountOptions::ReadWrite).unwrap();
    vfs.make_directory("/", "/directory").unwrap();
    write(vfs, "/file", NEW, 0, 10_000).unwrap();
    write(vfs, "/directory/inner", NEW, 0, 10_000).unwrap();
    (vfs, pages)
}

/// Reads all below a directory, and removes it.
fn read_and_remove(vfs: &Vfs, path: &str) {
    let directory = vfs.open("/", path, OpenFlags::READ).unwrap();
    let mut entries: Vec<(String, Kind)> = Vec::new();
    while let Some(entry) = vfs.read_directory(directory).unwrap() {
        entries.push((std::format!("{path}/{}", entry.name), entry.kind));
    }
    vfs.close(directory).unwrap();
    for (path, kind) in entries {
        match kind {
            Kind::Directory => {
                read_and_remove(vfs, &path);
                vfs.remove_directory("/", &path).unwrap();
            }
            Kind::File => {
                let size_bytes = vfs.metadata("/", &path).unwrap().size_bytes;
                let file = vfs.open("/", &path, OpenFlags::READ).unwrap();
                let (mut buffer, mut seen) = (std::vec![0; 65536], 0);
                // A file with a long hole is not read to its end.
                while seen < (1 << 24) {
                    match vfs.read(file, &mut buffer).unwrap() {
                        0 => break,
                        count => seen += count as u64,
                    }
                }
                assert_eq!(seen, size_bytes.min(seen.max(1 << 24)), "{path}");
                vfs.close(file).unwrap();
                vfs.unlink("/", &path).unwrap();
            }
            _ => vfs.read_link("/", &path).map(drop).and(vfs.unlink("/", &path)).unwrap(),
        }
    }
}

#[test]
fn each_page_may_fail_and_nothing_is_left_behind() {
    let mut sum = 0;
    for (name, operation) in OPERATIONS {
        let (vfs, pages) = new();
        operation(vfs).unwrap();
        read_and_remove(vfs, "/");
        let empty = pages.lent();
        let mut number = 1;
        loop {
            let (vfs, pages) = new();
            pages.fail_at(number);
            let result = operation(vfs);
            let has_failed = pages.stop_failing();
            match result {
                Ok(()) => {}
                Err(error) => assert!(has_failed && error == Errno::ENOMEM, "{name}, page {number}: {error}"),
            }
            // It can be done again, or is done already.
            let again = operation(vfs);
            assert!(
                again.is_ok() || again.is_err_and(|error| error != Errno::ENOMEM),
                "{name}, page {number}"
            );
            read_and_remove(vfs, "/");
            assert_eq!(pages.lent(), empty, "{name}, page {number}: pages are left behind");
            if !has_failed {
                break;
            }
            number += 1;
            sum += 1;
            assert!(number < MAX_PAGES, "{name} has no end");
        }
    }
    assert!(sum >= MIN_FAILURES, "in all operations only {sum} pages failed");
}

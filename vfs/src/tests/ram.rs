//! The file system in memory, step by step.

use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::host::{HostBuffers, HostPages, ram};
use crate::{
    Errno, FileDescriptor, Kind, MAX_DEPTH, MountOptions, OpenFlags, PageUse, RAM_PAGE_BYTES, Result,
    SeekFrom, Vfs,
};

const NEW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE).union(OpenFlags::CREATE);

/// A root with one file system, with a limit of pages.
fn vfs(limit_pages: u64) -> (&'static Vfs, &'static HostPages) {
    let buffers: &'static HostBuffers = Box::leak(Box::default());
    let vfs: &'static Vfs = Box::leak(Box::new(Vfs::new(buffers)));
    let (ram, pages) = ram(limit_pages);
    vfs.mount("none", "/", ram, MountOptions::ReadWrite).unwrap();
    (vfs, pages)
}

fn make(vfs: &Vfs, path: &str, bytes: &[u8]) {
    let file = vfs.open("/", path, NEW).unwrap();
    assert_eq!(vfs.write(file, bytes), Ok(bytes.len()));
    vfs.close(file).unwrap();
}

fn rest_of(vfs: &Vfs, file: FileDescriptor) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 1000];
    loop {
        match vfs.read(file, &mut piece)? {
            0 => return Ok(bytes),
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

fn contents(vfs: &Vfs, path: &str) -> Result<Vec<u8>> {
    let file = vfs.open("/", path, OpenFlags::READ)?;
    let bytes = rest_of(vfs, file);
    vfs.close(file).unwrap();
    bytes
}

fn names(vfs: &Vfs, path: &str) -> Vec<String> {
    let directory = vfs.open("/", path, OpenFlags::READ).unwrap();
    let mut names = Vec::new();
    while let Some(entry) = vfs.read_directory(directory).unwrap() {
        names.push(entry.name.to_string());
    }
    vfs.close(directory).unwrap();
    names
}

#[test]
fn each_page_is_found_with_its_file() {
    let (vfs, pages) = vfs(u64::MAX);
    vfs.make_directory("/", "/d").unwrap();
    vfs.make_directory("/", "/d/e").unwrap();
    // So many names that the directory has an index.
    for number in 0..200 {
        make(vfs, &format!("/d/a name of some length {number}"), b"");
    }
    let text: Vec<u8> = (0..3 * RAM_PAGE_BYTES + 5).map(|number| number as u8).collect();
    make(vfs, "/d/e/f", &text);
    let sparse = vfs.open("/", "/sparse", NEW).unwrap();
    vfs.seek(sparse, SeekFrom::Start(5000 * RAM_PAGE_BYTES as u64)).unwrap();
    vfs.write(sparse, b"x").unwrap();
    vfs.unlink("/", "/sparse").unwrap();

    let mut counts = [0_u64; 4];
    let mut indices = Vec::new();
    for number in 0..2000 {
        let Some((path, page_use)) = vfs.page_owner(number) else { continue };
        let name = path.as_str();
        match page_use {
            PageUse::Contents { index, .. } => {
                counts[0] += 1;
                match name {
                    "/d/e/f" => indices.push(index),
                    // The file without a name.
                    "" => assert_eq!(index, 5000),
                    _ => assert!(["/", "/d", "/d/e"].contains(&name), "{name}"),
                }
            }
            PageUse::Numbers { .. } => counts[1] += 1,
            PageUse::Index { .. } => {
                assert_eq!(name, "/d");
                counts[2] += 1;
            }
            PageUse::Inodes => {
                assert_eq!(name, "/");
                counts[3] += 1;
            }
        }
    }
    indices.sort_unstable();
    assert_eq!(indices, [0, 1, 2, 3]);
    assert_eq!(counts.iter().sum::<u64>(), pages.lent(), "{counts:?}");
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn flags_say_what_may_be_done() {
    let (vfs, _) = vfs(u64::MAX);
    let open = |flags| vfs.open("/", "/a", flags);
    assert_eq!(open(OpenFlags::WRITE), Err(Errno::ENOENT));
    assert_eq!(open(OpenFlags::empty()), Err(Errno::EINVAL));
    assert_eq!(open(OpenFlags::READ | OpenFlags::TRUNCATE), Err(Errno::EINVAL));
    assert_eq!(open(OpenFlags::READ | OpenFlags::APPEND), Err(Errno::EINVAL));
    make(vfs, "/a", b"0123456789");
    assert_eq!(open(NEW | OpenFlags::EXCLUSIVE), Err(Errno::EEXIST));
    let read_only = open(OpenFlags::READ).unwrap();
    assert_eq!(vfs.write(read_only, b"x"), Err(Errno::EBADF));
    assert_eq!(vfs.truncate(read_only, 0), Err(Errno::EBADF));
    let write_only = open(OpenFlags::WRITE).unwrap();
    assert_eq!(vfs.read(write_only, &mut [0]), Err(Errno::EBADF));
    vfs.write(write_only, b"AB").unwrap();
    let appending = open(OpenFlags::WRITE | OpenFlags::APPEND).unwrap();
    vfs.write(appending, b"x").unwrap();
    vfs.write(write_only, b"C").unwrap();
    vfs.write(appending, b"y").unwrap();
    assert_eq!(rest_of(vfs, read_only).unwrap(), b"ABC3456789xy");
    let truncating = open(OpenFlags::WRITE | OpenFlags::TRUNCATE).unwrap();
    assert_eq!(vfs.metadata_of(truncating).unwrap().size_bytes, 0);
    // A writer continues at its offset: what was cut off reads as zeros.
    vfs.write(write_only, b"D").unwrap();
    assert_eq!(contents(vfs, "/a").unwrap(), b"\0\0\0D");
}

#[test]
fn seeks_count_from_three_places() {
    let (vfs, _) = vfs(u64::MAX);
    make(vfs, "/a", b"0123456789");
    let file = vfs.open("/", "/a", NEW).unwrap();
    assert_eq!(vfs.seek(file, SeekFrom::End(-3)), Ok(7));
    assert_eq!(vfs.seek(file, SeekFrom::Current(-2)), Ok(5));
    assert_eq!(vfs.seek(file, SeekFrom::Current(-6)), Err(Errno::EINVAL));
    assert_eq!(vfs.seek(file, SeekFrom::Start(u64::MAX)), Err(Errno::EINVAL));
    assert_eq!(rest_of(vfs, file).unwrap(), b"56789");
    assert_eq!(vfs.seek(file, SeekFrom::Start(i64::MAX as u64)), Ok(i64::MAX as u64));
    assert_eq!(vfs.write(file, b"x"), Err(Errno::EFBIG));
    assert_eq!(vfs.read(file, &mut [0]), Ok(0));
    assert_eq!(vfs.truncate(file, u64::MAX), Err(Errno::EFBIG));
    assert_eq!(contents(vfs, "/a").unwrap(), b"0123456789");
}

#[test]
fn holes_take_no_room_and_read_as_zeros() {
    let (vfs, pages) = vfs(u64::MAX);
    make(vfs, "/a", b"");
    let before = pages.lent();
    let file = vfs.open("/", "/a", NEW).unwrap();
    for offset in [1 << 20, 1 << 30, 1 << 40, (1 << 52) - 1] {
        vfs.seek(file, SeekFrom::Start(offset)).unwrap();
        assert_eq!(vfs.write(file, b"xy"), Ok(if offset == (1 << 52) - 1 { 1 } else { 2 }));
    }
    assert!(pages.lent() - before < 24, "{} pages for eight bytes", pages.lent() - before);
    let found = vfs.metadata_of(file).unwrap();
    assert_eq!((found.size_bytes, found.blocks_512), (1 << 52, (pages.lent() - before) * 8));
    vfs.seek(file, SeekFrom::Start((1 << 40) - 2)).unwrap();
    let mut piece = [9; 6];
    vfs.read(file, &mut piece).unwrap();
    assert_eq!(&piece, b"\0\0xy\0\0");
    for size_bytes in [(1 << 40) + 1, (1 << 30) + 1, 5000, 0] {
        vfs.truncate(file, size_bytes).unwrap();
    }
    assert_eq!(pages.lent(), before);
}

#[test]
fn what_was_cut_off_does_not_come_back() {
    let (vfs, _) = vfs(u64::MAX);
    make(vfs, "/a", &[7; 10_000]);
    let file = vfs.open("/", "/a", NEW).unwrap();
    vfs.truncate(file, 5000).unwrap();
    vfs.truncate(file, 10_000).unwrap();
    let expected: Vec<u8> = [vec![7; 5000], vec![0; 5000]].concat();
    assert_eq!(contents(vfs, "/a").unwrap(), expected);
}

#[test]
fn a_full_file_system_keeps_what_it_has() {
    const LIMIT: u64 = 40;
    let (vfs, pages) = vfs(LIMIT);
    make(vfs, "/a", &[1; 3 * RAM_PAGE_BYTES]);
    let big = vfs.open("/", "/b", NEW).unwrap();
    let mut written = 0;
    let error = loop {
        match vfs.write(big, &[2; 3000]) {
            Ok(count) => written += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error, Errno::ENOSPC);
    assert_eq!(pages.lent(), LIMIT);
    assert_eq!(vfs.metadata_of(big).unwrap().size_bytes, written as u64);
    assert_eq!(contents(vfs, "/b").unwrap(), vec![2; written]);
    assert_eq!(contents(vfs, "/a").unwrap(), [1; 3 * RAM_PAGE_BYTES]);
    // What is there can be written over, and names still fit where there is a page for them.
    vfs.seek(big, SeekFrom::Start(0)).unwrap();
    assert_eq!(vfs.write(big, b"over"), Ok(4));
    make(vfs, "/small", b"");
    let mut made = 0;
    let error = loop {
        match vfs.make_directory("/", &format!("/{made:0200}")) {
            Ok(()) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, Errno::ENOSPC);
    assert_eq!(names(vfs, "/").len(), 3 + made);
    assert_eq!(vfs.make_link("/", &"t".repeat(1000), "/link"), Err(Errno::ENOSPC));
    let (_, room) = vfs.statistics("/", "/").unwrap();
    assert_eq!((room.total_blocks, room.free_blocks), (LIMIT, 0));
    vfs.close(big).unwrap();
    vfs.unlink("/", "/b").unwrap();
    make(vfs, "/c", &vec![3; 10 * RAM_PAGE_BYTES]);
}

#[test]
fn no_memory_is_an_error_and_not_an_end() {
    let buffers: &'static HostBuffers = Box::leak(Box::default());
    let vfs = Vfs::new(buffers);
    let (ram, _) = ram(0);
    vfs.mount("none", "/", ram, MountOptions::ReadWrite).unwrap();
    assert_eq!(vfs.make_directory("/", "/a"), Err(Errno::ENOSPC));
    assert_eq!(vfs.open("/", "/a", NEW), Err(Errno::ENOSPC));
    assert!(vfs.metadata("/", "/").is_ok());
}

#[test]
fn an_open_file_outlives_its_name() {
    let (vfs, pages) = vfs(u64::MAX);
    make(vfs, "/a", &[5; 9000]);
    let file = vfs.open("/", "/a", NEW).unwrap();
    vfs.unlink("/", "/a").unwrap();
    assert_eq!(contents(vfs, "/a"), Err(Errno::ENOENT));
    make(vfs, "/a", b"another");
    assert_eq!(vfs.write(file, &[6; 100]), Ok(100));
    vfs.seek(file, SeekFrom::Start(0)).unwrap();
    assert_eq!(rest_of(vfs, file).unwrap(), [vec![6; 100], vec![5; 8900]].concat());
    assert_eq!(vfs.metadata_of(file).unwrap().links, 0);
    vfs.close(file).unwrap();
    vfs.unlink("/", "/a").unwrap();
    assert_eq!(pages.lent(), 0, "an empty file system has no page");
}

#[test]
fn links_lead_on_and_end_in_a_loop() {
    let (vfs, _) = vfs(u64::MAX);
    vfs.make_directory("/", "/d").unwrap();
    vfs.make_directory("/", "/d/e").unwrap();
    make(vfs, "/d/e/file", b"here");
    vfs.make_link("/", "d/e", "/link").unwrap();
    vfs.make_link("/", "../e/./file", "/d/e/relative").unwrap();
    vfs.make_link("/", "/link/relative", "/d/absolute").unwrap();
    for path in ["/link/file", "/d/e/relative", "/d/absolute", "/link/../e/file"] {
        assert_eq!(contents(vfs, path).unwrap(), b"here", "{path}");
    }
    assert_eq!(vfs.link_metadata("/", "/link").unwrap().kind, Kind::Link);
    assert_eq!(vfs.link_metadata("/", "/link/").unwrap().kind, Kind::Directory);
    assert_eq!(vfs.metadata("/", "/link").unwrap().kind, Kind::Directory);
    assert_eq!(vfs.read_link("/", "/d/absolute").unwrap().as_str(), "/link/relative");
    assert_eq!(vfs.read_link("/", "/d"), Err(Errno::EINVAL));
    assert_eq!(vfs.canonical_directory("/link", "..").unwrap().as_str(), "/d");
    assert_eq!(vfs.make_link("/", "x", "/link"), Err(Errno::EEXIST));
    assert_eq!(vfs.make_link("/", "", "/empty"), Err(Errno::ENOENT));
    assert_eq!(vfs.make_link("/", &"x".repeat(1024), "/long"), Err(Errno::ENAMETOOLONG));
    // What is made through a link is made where it leads.
    vfs.make_link("/", "/d/made", "/dangling").unwrap();
    assert_eq!(vfs.open("/", "/dangling", NEW | OpenFlags::EXCLUSIVE), Err(Errno::EEXIST));
    make(vfs, "/dangling", b"made");
    assert_eq!(contents(vfs, "/d/made").unwrap(), b"made");
    vfs.unlink("/", "/dangling").unwrap();
    assert!(contents(vfs, "/d/made").is_ok());
    vfs.make_link("/", "/loop/b", "/loop").unwrap();
    assert_eq!(vfs.metadata("/", "/loop"), Err(Errno::ELOOP));
    // 40 links are followed, as in Linux, and no more.
    make(vfs, "/n0", b"end");
    for number in 1..=41 {
        vfs.make_link("/", &format!("n{}", number - 1), &format!("/n{number}")).unwrap();
    }
    assert_eq!(contents(vfs, "/n40").unwrap(), b"end");
    assert_eq!(contents(vfs, "/n41"), Err(Errno::ELOOP));
}

#[test]
fn renames_replace_what_they_may() {
    let (vfs, _) = vfs(u64::MAX);
    for path in ["/a", "/a/b", "/a/b/c", "/full", "/full/x", "/empty"] {
        vfs.make_directory("/", path).unwrap();
    }
    make(vfs, "/file", b"1");
    make(vfs, "/other", b"2");
    let rename = |from, to| vfs.rename("/", from, to);
    assert_eq!(rename("/a", "/a/b/c/d"), Err(Errno::EINVAL));
    assert_eq!(rename("/a", "/a/b"), Err(Errno::EINVAL));
    assert_eq!(rename("/a", "/full"), Err(Errno::ENOTEMPTY));
    assert_eq!(rename("/a", "/file"), Err(Errno::ENOTDIR));
    assert_eq!(rename("/file", "/a"), Err(Errno::EISDIR));
    assert_eq!(rename("/file", "/new/"), Err(Errno::ENOTDIR));
    assert_eq!(rename("/none", "/x"), Err(Errno::ENOENT));
    assert_eq!(rename("/", "/x"), Err(Errno::EBUSY));
    assert_eq!(rename("/a/.", "/x"), Err(Errno::EBUSY));
    assert_eq!(rename("/a", "/a"), Ok(()));
    assert_eq!(rename("/file", "/other"), Ok(()));
    assert_eq!(contents(vfs, "/other").unwrap(), b"1");
    assert_eq!(rename("/a/b", "/empty/"), Ok(()));
    assert_eq!(vfs.canonical_directory("/", "/empty/c/..").unwrap().as_str(), "/empty");
    assert_eq!(names(vfs, "/a"), [] as [&str; 0]);
    let links = |path| vfs.metadata("/", path).unwrap().links;
    assert_eq!((links("/"), links("/a"), links("/empty")), (5, 2, 3));
}

#[test]
fn mounts_are_edges() {
    let (vfs, _) = vfs(u64::MAX);
    vfs.make_directory("/", "/m").unwrap();
    vfs.make_directory("/", "/read-only").unwrap();
    make(vfs, "/file", b"1");
    vfs.mount("m", "/m", ram(10).0, MountOptions::ReadWrite).unwrap();
    vfs.mount("ro", "/read-only", ram(10).0, MountOptions::ReadOnly).unwrap();
    assert_eq!(vfs.rename("/", "/file", "/m/file"), Err(Errno::EXDEV));
    assert_eq!(vfs.rename("/", "/m", "/n"), Err(Errno::EBUSY));
    assert_eq!(vfs.remove_directory("/", "/m"), Err(Errno::EBUSY));
    assert_eq!(vfs.make_directory("/", "/read-only/x"), Err(Errno::EROFS));
    assert_eq!(vfs.open("/", "/read-only/x", NEW), Err(Errno::EROFS));
    assert_eq!(vfs.touch("/", "/read-only"), Err(Errno::EROFS));
    vfs.make_directory("/", "/m/deep").unwrap();
    assert_eq!(vfs.canonical_directory("/m/deep", "../..").unwrap().as_str(), "/");
    assert_eq!(vfs.statistics("/m", "deep").unwrap().0.source, "m");
}

#[test]
fn directories_are_removed_when_they_are_empty() {
    let (vfs, _) = vfs(u64::MAX);
    vfs.make_directory("/", "/d/").unwrap();
    make(vfs, "/d/file", b"");
    assert_eq!(vfs.remove_directory("/", "/d"), Err(Errno::ENOTEMPTY));
    assert_eq!(vfs.remove_directory("/", "/d/file"), Err(Errno::ENOTDIR));
    assert_eq!(vfs.unlink("/", "/d"), Err(Errno::EISDIR));
    assert_eq!(vfs.unlink("/", "/d/file/"), Err(Errno::ENOTDIR));
    assert_eq!(vfs.open("/", "/new/", NEW), Err(Errno::EISDIR));
    assert_eq!(vfs.open("/", "/d", NEW), Err(Errno::EISDIR));
    vfs.unlink("/", "/d/file").unwrap();
    let open = vfs.open("/", "/d", OpenFlags::READ).unwrap();
    vfs.remove_directory("/", "/d").unwrap();
    assert_eq!(vfs.read_directory(open), Err(Errno::ENOENT));
    assert_eq!(vfs.metadata("/d", "."), Err(Errno::ENOENT));
    assert_eq!(vfs.remove_directory("/", "/"), Err(Errno::EBUSY));
}

#[test]
fn trees_have_a_limit_of_depth() {
    let (vfs, _) = vfs(u64::MAX);
    let mut path = String::new();
    for _ in 0..MAX_DEPTH {
        path.push_str("/d");
        vfs.make_directory("/", &path).unwrap();
    }
    assert_eq!(vfs.make_directory("/", &format!("{path}/d")), Err(Errno::ENAMETOOLONG));
    vfs.make_directory("/", "/x").unwrap();
    make(vfs, "/x/file", b"");
    let target = &path[..path.len() - 2];
    assert_eq!(vfs.rename("/", "/x", &format!("{target}/x")), Err(Errno::ENAMETOOLONG));
    let target = &path[..path.len() - 4];
    assert_eq!(vfs.rename("/", "/x", &format!("{target}/x")), Ok(()));
    assert!(contents(vfs, &format!("{target}/x/file")).is_ok());
}

#[test]
fn a_large_directory_lists_what_stays_once_while_others_come_and_go() {
    let (vfs, pages) = vfs(u64::MAX);
    let stays = |number: usize| format!("/stays-{number}");
    let goes = |number: usize| format!("/goes-{number}-{}", "x".repeat(number % 200));
    for number in 0..1000 {
        make(vfs, &stays(number), b"");
        make(vfs, &goes(number), b"");
    }
    let directory = vfs.open("/", "/", OpenFlags::READ).unwrap();
    let mut seen = Vec::new();
    let mut round = 0;
    while let Some(entry) = vfs.read_directory(directory).unwrap() {
        if entry.name.starts_with("stays") {
            seen.push(entry.name.to_string());
        }
        // Names of other lengths take the place of those that go.
        if round < 1000 {
            vfs.unlink("/", &goes(round)).unwrap();
            make(vfs, &format!("/new-{round}-{}", "y".repeat((round * 7) % 220)), b"");
        }
        round += 1;
    }
    vfs.close(directory).unwrap();
    assert_eq!(seen.len(), 1000);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 1000);
    for name in names(vfs, "/") {
        vfs.unlink("/", &name).unwrap();
    }
    assert_eq!(pages.lent(), 0);
}

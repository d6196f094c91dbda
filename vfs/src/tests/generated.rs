//! Generated files: in pieces, from the middle, many at once; devices and control files.

use core::fmt::{self, Write};
use std::boxed::Box;
use std::string::{String, ToString};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::vec;
use std::vec::Vec;

use super::host::{HostBuffers, ram};
use crate::{
    BATCH_BYTES, Content, Control, ControlTable, Device, Errno, GeneratedFs, Kind, MAX_OPEN_FILES,
    MountOptions, Node, OpenFlags, SeekFrom, Table, Text, Vfs,
};

struct Lines(usize);

impl Text for Lines {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        (0..self.0).try_for_each(|number| writeln!(out, "line {number}"))
    }
}

impl Table for Lines {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "head")
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        const ROWS: u64 = 500;
        let end = (cursor + ROWS).min(self.0 as u64);
        (cursor..end).try_for_each(|number| writeln!(out, "line {number}"))?;
        Ok((end < self.0 as u64).then_some(end))
    }
}

const TABLE_ROWS: usize = 20_000;
pub(super) static NODES: [Node; 4] = [
    Node { name: "short", content: Content::Text(&Lines(3)) },
    Node { name: "long", content: Content::Text(&Lines(5000)) },
    Node { name: "table", content: Content::Table(&Lines(TABLE_ROWS)) },
    Node { name: "none", content: Content::Table(&Lines(0)) },
];

pub(super) fn vfs() -> (&'static Vfs, &'static HostBuffers) {
    let buffers: &'static HostBuffers = Box::leak(Box::default());
    let vfs: &'static Vfs = Box::leak(Box::new(Vfs::new(buffers)));
    vfs.mount("none", "/", ram(u64::MAX).0, MountOptions::ReadWrite).unwrap();
    vfs.make_directory("/", "/proc").unwrap();
    let files = Box::leak(Box::new(GeneratedFs::new("proc", &NODES, || 0)));
    vfs.mount("proc", "/proc", files, MountOptions::ReadWrite).unwrap();
    (vfs, buffers)
}

pub(super) fn whole(name: &str) -> String {
    let mut text = String::new();
    match name {
        "short" => Lines(3).render(&mut text).unwrap(),
        "long" => Lines(5000).render(&mut text).unwrap(),
        rows => {
            text.push_str("head\n");
            Lines(if rows == "table" { TABLE_ROWS } else { 0 }).render(&mut text).unwrap();
        }
    }
    text
}

fn read_to_end(vfs: &Vfs, path: &str, piece: usize) -> Result<String, Errno> {
    let file = vfs.open("/", path, OpenFlags::READ)?;
    let mut text = Vec::new();
    let mut buffer = vec![0; piece];
    let result = loop {
        match vfs.read(file, &mut buffer) {
            Ok(0) => break Ok(()),
            Ok(count) => text.extend_from_slice(&buffer[..count]),
            Err(error) => break Err(error),
        }
    };
    vfs.close(file)?;
    result.map(|()| String::from_utf8(text).unwrap())
}

#[test]
fn reading_in_pieces_of_any_size_gives_the_whole_text() {
    let (vfs, buffers) = vfs();
    for name in ["short", "long", "table", "none"] {
        for piece in [1, 7, 100, 4096, BATCH_BYTES, 1 << 20] {
            assert_eq!(read_to_end(vfs, &std::format!("/proc/{name}"), piece).unwrap(), whole(name));
        }
    }
    assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
}

#[test]
fn reading_starts_where_seek_says_and_ends_behind_the_end() {
    let (vfs, _) = vfs();
    for name in ["short", "long", "table"] {
        let text = whole(name);
        let file = vfs.open("/proc", name, OpenFlags::READ).unwrap();
        for at in [text.len() / 2, 0, text.len() - 1, 3] {
            vfs.seek(file, SeekFrom::Start(at as u64)).unwrap();
            let mut byte = [0];
            assert_eq!(vfs.read(file, &mut byte).unwrap(), 1);
            assert_eq!(byte[0], text.as_bytes()[at]);
        }
        for behind in [text.len() as u64, i64::MAX as u64] {
            vfs.seek(file, SeekFrom::Start(behind)).unwrap();
            assert_eq!(vfs.read(file, &mut [0; 8]).unwrap(), 0);
        }
        vfs.close(file).unwrap();
    }
}

#[test]
fn errors_have_their_names() {
    let (vfs, buffers) = vfs();
    let open = |path: &str| vfs.open("/", path, OpenFlags::READ).map(|file| vfs.close(file).unwrap());
    assert_eq!(open("/nope"), Err(Errno::ENOENT));
    assert_eq!(open(""), Err(Errno::ENOENT));
    assert_eq!(open("/proc/short/x"), Err(Errno::ENOTDIR));
    assert_eq!(open("/proc/short/.."), Err(Errno::ENOTDIR));
    assert_eq!(open("/proc/short/"), Err(Errno::ENOTDIR));
    assert_eq!(open("/a\0b"), Err(Errno::EINVAL));
    assert_eq!(open(&std::format!("/{}", "n".repeat(256))), Err(Errno::ENAMETOOLONG));
    assert_eq!(open(&std::format!("/{}", "n".repeat(255))), Err(Errno::ENOENT));
    assert_eq!(open(&"/x".repeat(3000)), Err(Errno::ENAMETOOLONG));
    assert_eq!(read_to_end(vfs, "/proc", 10), Err(Errno::EISDIR));
    let write = |path| vfs.open("/", path, OpenFlags::WRITE | OpenFlags::CREATE).unwrap_err();
    assert_eq!(write("/proc/short"), Errno::EACCES);
    assert_eq!(write("/proc"), Errno::EISDIR);
    assert_eq!(write("/proc/new"), Errno::EACCES);
    assert_eq!(write("/nope/new"), Errno::ENOENT);
    assert_eq!(vfs.make_directory("/", "/proc/x"), Err(Errno::EACCES));
    assert_eq!(vfs.make_directory("/", "/proc"), Err(Errno::EEXIST));
    assert_eq!(vfs.canonical_directory("/", "/proc/short"), Err(Errno::ENOTDIR));
    let directory = vfs.open("/", "/", OpenFlags::READ).unwrap();
    let file = vfs.open("/", "/proc/short", OpenFlags::READ).unwrap();
    assert_eq!(vfs.read_directory(file).unwrap_err(), Errno::ENOTDIR);
    assert_eq!(vfs.seek(directory, SeekFrom::Start(3)), Err(Errno::EINVAL));
    vfs.close(file).unwrap();
    vfs.close(directory).unwrap();
    buffers.is_empty.store(true, Ordering::Relaxed);
    assert_eq!(open("/proc/short"), Err(Errno::ENOMEM));
    assert_eq!(open("/proc/table"), Err(Errno::ENOMEM));
}

#[test]
fn descriptor_of_a_closed_file_is_refused_even_when_its_slot_is_used_again() {
    let (vfs, _) = vfs();
    let old = vfs.open("/", "/proc/short", OpenFlags::READ).unwrap();
    vfs.close(old).unwrap();
    let new = vfs.open("/", "/proc/short", OpenFlags::READ).unwrap();
    assert_eq!(vfs.read(old, &mut [0]), Err(Errno::EBADF));
    assert_eq!(vfs.close(old), Err(Errno::EBADF));
    vfs.close(new).unwrap();
}

#[test]
fn open_files_are_limited_and_the_limit_frees_itself() {
    let (vfs, buffers) = vfs();
    let files: Vec<_> =
        (0..MAX_OPEN_FILES).map(|_| vfs.open("/", "/proc/table", OpenFlags::READ).unwrap()).collect();
    assert_eq!(vfs.open("/", "/proc/table", OpenFlags::READ), Err(Errno::EMFILE));
    for file in files {
        vfs.close(file).unwrap();
    }
    assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
    assert!(read_to_end(vfs, "/proc/table", 4096).is_ok());
}

#[test]
fn listing_names_every_entry_once_and_mounts_are_listed_in_order() {
    let (vfs, _) = vfs();
    let list = |path: &str| {
        let directory = vfs.open("/", path, OpenFlags::READ).unwrap();
        let mut names = Vec::new();
        while let Some(entry) = vfs.read_directory(directory).unwrap() {
            names.push(entry.name.to_string());
        }
        vfs.close(directory).unwrap();
        names
    };
    vfs.make_directory("/", "tmp").unwrap();
    assert_eq!(list("/"), ["proc", "tmp"]);
    assert_eq!(list("/proc"), ["short", "long", "table", "none"]);
    let mut mounts = Vec::new();
    vfs.for_each_mount(|_, path| mounts.push(path.to_string()));
    assert_eq!(mounts, ["/", "/proc"]);
    let files = Box::leak(Box::new(GeneratedFs::new("proc", &NODES, || 0)));
    assert_eq!(vfs.mount("proc", "/proc", files, MountOptions::ReadOnly), Err(Errno::EBUSY));
    assert_eq!(vfs.mount("proc", "/proc/short", files, MountOptions::ReadOnly), Err(Errno::ENOTDIR));
    assert_eq!(vfs.mount("proc", "/none", files, MountOptions::ReadOnly), Err(Errno::ENOENT));
}

/// Keeps its commands; `bad` is refused.
struct Diary(Mutex<Vec<String>>);

impl Text for Diary {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        self.0.lock().unwrap().iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

impl Control for Diary {
    fn command(&self, line: &str) -> crate::Result<()> {
        if line == "bad" {
            return Err(Errno::EINVAL);
        }
        self.0.lock().unwrap().push(line.to_string());
        Ok(())
    }
}

impl Table for Diary {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "diary")
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        let lines = self.0.lock().unwrap();
        let Some(line) = lines.get(cursor as usize) else { return Ok(None) };
        writeln!(out, "{line}").map(|()| Some(cursor + 1))
    }
}

impl ControlTable for Diary {
    fn command(&self, line: &str) -> crate::Result<()> {
        Control::command(self, line)
    }
}

#[test]
fn tables_take_commands_too() {
    static DIARY: Diary = Diary(Mutex::new(Vec::new()));
    static TREE: [Node; 1] = [Node { name: "diary", content: Content::ControlTable(&DIARY) }];
    let (vfs, buffers) = vfs();
    vfs.make_directory("/", "/t").unwrap();
    let tree = Box::leak(Box::new(GeneratedFs::new("tree", &TREE, || 3)));
    vfs.mount("tree", "/t", tree, MountOptions::ReadWrite).unwrap();
    assert_eq!(vfs.metadata("/", "/t/diary").unwrap().mode, 0o644);
    let file = vfs.open("/t", "diary", OpenFlags::READ | OpenFlags::WRITE).unwrap();
    assert_eq!(vfs.write(file, b"first\nsec"), Ok(9));
    assert_eq!(vfs.write(file, b"ond\nbad\n"), Err(Errno::EINVAL));
    vfs.seek(file, SeekFrom::Start(0)).unwrap();
    let mut text = [0; 6];
    assert_eq!(vfs.read(file, &mut text), Ok(6));
    assert_eq!(&text, b"diary\n");
    vfs.write(file, b"last").unwrap();
    vfs.close(file).unwrap();
    assert_eq!(read_to_end(vfs, "/t/diary", 4).unwrap(), "diary\nfirst\nsecond\nlast\n");
    assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
}

/// Gives `z` for ever, counts its breaths as the position, and takes everything but `!`.
struct Snore;

impl Device for Snore {
    fn read(&self, position: &mut u64, target: &mut [u8]) -> crate::Result<usize> {
        target.fill(if *position == 0 { b'Z' } else { b'z' });
        *position += 1;
        Ok(target.len())
    }

    fn write(&self, bytes: &[u8]) -> crate::Result<usize> {
        if bytes.contains(&b'!') { Err(Errno::ENOSPC) } else { Ok(bytes.len()) }
    }
}

#[test]
fn trees_of_nodes_have_directories_links_controls_and_devices() {
    static DIARY: Diary = Diary(Mutex::new(Vec::new()));
    static INNER: [Node; 2] = [
        Node { name: "diary", content: Content::Control(&DIARY) },
        Node { name: "up", content: Content::Link("../one") },
    ];
    static TREE: [Node; 4] = [
        Node { name: "one", content: Content::Text(&Lines(1)) },
        Node { name: "d", content: Content::Directory(&INNER) },
        Node { name: "self", content: Content::Link("d") },
        Node { name: "snore", content: Content::Device(&Snore) },
    ];
    let (vfs, buffers) = vfs();
    vfs.make_directory("/", "/t").unwrap();
    let tree = Box::leak(Box::new(GeneratedFs::new("tree", &TREE, || 3)));
    vfs.mount("tree", "/t", tree, MountOptions::ReadWrite).unwrap();
    assert_eq!(read_to_end(vfs, "/t/self/up", 3).unwrap(), "line 0\n");
    assert_eq!(vfs.canonical_directory("/t/self", ".").unwrap().as_str(), "/t/d");
    assert_eq!(vfs.metadata("/", "/t").unwrap().links, 3);
    assert_eq!(vfs.metadata("/", "/t/d/../snore").unwrap().kind, Kind::Device);

    let rw = OpenFlags::READ | OpenFlags::WRITE;
    let file = vfs.open("/", "/t/d/diary", rw | OpenFlags::TRUNCATE | OpenFlags::CREATE).unwrap();
    // Lines come whole, however they are written; the last one needs no end.
    for piece in ["fir", "st\nsecond\n\n  th", "ird  \nfo"] {
        assert_eq!(vfs.write(file, piece.as_bytes()), Ok(piece.len()));
    }
    assert_eq!(vfs.write(file, b"ur\nbad\n"), Err(Errno::EINVAL));
    assert_eq!(vfs.write(file, &[b'x'; 5000]), Ok(5000));
    assert_eq!(vfs.write(file, b"\n"), Err(Errno::EINVAL));
    assert_eq!(vfs.write(file, b"\xff\n"), Err(Errno::EINVAL));
    vfs.write(file, b"last").unwrap();
    vfs.close(file).unwrap();
    assert_eq!(read_to_end(vfs, "/t/d/diary", 5).unwrap(), "first\nsecond\nthird\nfour\nlast\n");
    let file = vfs.open("/", "/t/d/diary", OpenFlags::WRITE).unwrap();
    assert_eq!(vfs.read(file, &mut [0]), Err(Errno::EBADF));
    vfs.write(file, b"bad").unwrap();
    assert_eq!(vfs.close(file), Err(Errno::EINVAL));
    assert_eq!(vfs.close(file), Err(Errno::EBADF), "it is closed all the same");

    let file = vfs.open("/", "/t/snore", rw).unwrap();
    let mut piece = [0; 2];
    vfs.read(file, &mut piece).unwrap();
    assert_eq!(&piece, b"ZZ");
    vfs.read(file, &mut piece).unwrap();
    assert_eq!(&piece, b"zz");
    assert_eq!(vfs.seek(file, SeekFrom::Current(0)), Ok(2), "two breaths, whatever their length");
    assert_eq!(vfs.write(file, b"hush!"), Err(Errno::ENOSPC));
    assert_eq!(vfs.truncate(file, 0), Err(Errno::EINVAL));
    vfs.close(file).unwrap();
    for (path, error) in [("/t/one", Errno::EACCES), ("/t/new", Errno::EACCES), ("/t/d", Errno::EISDIR)] {
        assert_eq!(vfs.open("/", path, OpenFlags::WRITE | OpenFlags::CREATE), Err(error));
    }
    assert_eq!(vfs.unlink("/", "/t/one"), Err(Errno::EACCES));
    assert_eq!(vfs.rename("/", "/t/one", "/t/two"), Err(Errno::EACCES));
    assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
}

#[test]
fn a_thousand_readers_at_once_each_read_the_whole() {
    let (vfs, buffers) = vfs();
    let readers: Vec<_> = (0..1000)
        .map(|number| {
            let name = ["short", "long", "none"][number % 3];
            (name, vfs.open("/proc", name, OpenFlags::READ).unwrap(), String::new())
        })
        .collect();
    let mut reading = readers;
    let mut piece = [0; 701];
    while !reading.is_empty() {
        reading.retain_mut(|(name, file, text)| match vfs.read(*file, &mut piece).unwrap() {
            0 => {
                assert_eq!(*text, whole(name));
                vfs.close(*file).unwrap();
                false
            }
            count => {
                text.push_str(str::from_utf8(&piece[..count]).unwrap());
                true
            }
        });
    }
    assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
}

#[test]
fn rows_that_do_not_fit_or_fail_are_an_error_and_not_a_gap() {
    struct Flawed;

    impl Table for Flawed {
        fn header(&self, out: &mut dyn Write) -> fmt::Result {
            writeln!(out, "head")
        }

        fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
            match cursor {
                0 => writeln!(out, "row").map(|()| Some(1)),
                1 => (0..=BATCH_BYTES / 4).try_for_each(|_| writeln!(out, "row")).map(|()| Some(2)),
                _ => Err(fmt::Error),
            }
        }
    }

    static TREE: [Node; 1] = [Node { name: "flawed", content: Content::Table(&Flawed) }];
    let (vfs, _) = vfs();
    vfs.make_directory("/", "/t").unwrap();
    let tree = Box::leak(Box::new(GeneratedFs::new("tree", &TREE, || 3)));
    vfs.mount("tree", "/t", tree, MountOptions::ReadWrite).unwrap();
    let file = vfs.open("/t", "flawed", OpenFlags::READ).unwrap();
    let mut text = [0; 9];
    assert_eq!(vfs.read(file, &mut text), Ok(5));
    assert_eq!(vfs.read(file, &mut text), Ok(4));
    assert_eq!(vfs.read(file, &mut text), Err(Errno::EIO));
    assert_eq!(vfs.read(file, &mut text), Err(Errno::EIO));
    vfs.seek(file, SeekFrom::Start(5)).unwrap();
    assert_eq!(vfs.read(file, &mut text), Ok(4));
    vfs.close(file).unwrap();
}

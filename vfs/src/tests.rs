//! The whole of the VFS against a plain model, and files in pieces.

use core::fmt::{self, Write};
use std::boxed::Box;
use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use crate::{
    BATCH_BYTES, Buffers, Content, Errno, GeneratedFs, Kind, MOST_OPEN_FILES, MountOptions, Node, OpenFlags,
    Pages, RAM_PAGE_BYTES, RamFs, SeekFrom, Table, Text, Vfs,
};

/// Lends host memory and counts what is out.
#[derive(Default)]
struct HostBuffers {
    lent: AtomicUsize,
    is_empty: std::sync::atomic::AtomicBool,
}

impl Buffers for HostBuffers {
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]> {
        if self.is_empty.load(Ordering::Relaxed) {
            return None;
        }
        self.lent.fetch_add(1, Ordering::Relaxed);
        Some(Box::leak(vec![0; size_bytes].into_boxed_slice()))
    }

    fn give(&self, _buffer: &'static mut [u8]) {
        self.lent.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lends numbered pages of host memory.
#[derive(Default)]
struct HostPages(std::sync::Mutex<Vec<Option<Box<[u8; RAM_PAGE_BYTES]>>>>);

impl HostPages {
    fn with_page<T>(&self, page: u32, visit: impl FnOnce(&mut [u8; RAM_PAGE_BYTES]) -> T) -> T {
        let mut pages = self.0.lock().unwrap();
        visit(pages[page as usize - 1].as_mut().expect("no page is used after it was given back"))
    }
}

impl Pages for HostPages {
    fn take(&self) -> Option<u32> {
        let mut pages = self.0.lock().unwrap();
        let free = pages.iter().position(Option::is_none).unwrap_or_else(|| {
            pages.push(None);
            pages.len() - 1
        });
        pages[free] = Some(Box::new([0; RAM_PAGE_BYTES]));
        Some(free as u32 + 1)
    }

    fn give(&self, page: u32) {
        let given = self.0.lock().unwrap()[page as usize - 1].take();
        assert!(given.is_some(), "no page is given back twice");
    }

    fn read(&self, page: u32, offset: usize, target: &mut [u8]) {
        self.with_page(page, |page| target.copy_from_slice(&page[offset..offset + target.len()]));
    }

    fn write(&self, page: u32, offset: usize, bytes: &[u8]) {
        self.with_page(page, |page| page[offset..offset + bytes.len()].copy_from_slice(bytes));
    }
}

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
static NODES: [Node; 4] = [
    Node { name: "short", content: Content::Text(&Lines(3)) },
    Node { name: "long", content: Content::Text(&Lines(5000)) },
    Node { name: "table", content: Content::Table(&Lines(TABLE_ROWS)) },
    Node { name: "none", content: Content::Table(&Lines(0)) },
];

fn vfs() -> (&'static Vfs, &'static HostBuffers) {
    let buffers: &'static HostBuffers = Box::leak(Box::default());
    let vfs: &'static Vfs = Box::leak(Box::new(Vfs::new(buffers)));
    vfs.mount(
        "none",
        "/",
        Box::leak(Box::new(RamFs::new(Box::leak(Box::<HostPages>::default()), || 0))),
        MountOptions::ReadWrite,
    )
    .unwrap();
    vfs.make_directory("/", "/proc").unwrap();
    let files = Box::leak(Box::new(GeneratedFs::new("proc", &NODES, || 0)));
    vfs.mount("proc", "/proc", files, MountOptions::ReadWrite).unwrap();
    (vfs, buffers)
}

fn whole(name: &str) -> String {
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
        (0..MOST_OPEN_FILES).map(|_| vfs.open("/", "/proc/table", OpenFlags::READ).unwrap()).collect();
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

/// The model: canonical paths of directories (false) and files (true).
type Model = BTreeMap<String, bool>;

fn model_resolve(model: &Model, cwd: &str, path: &str) -> Result<String, Errno> {
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    let mut at: Vec<String> = Vec::new();
    if !path.starts_with('/') {
        at.extend(cwd.split('/').filter(|part| !part.is_empty()).map(ToString::to_string));
    }
    let joined = |at: &[String]| std::format!("/{}", at.join("/"));
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if model[&joined(&at)] {
            return Err(Errno::ENOTDIR);
        }
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(part.to_string());
        if !model.contains_key(&joined(&at)) {
            return Err(Errno::ENOENT);
        }
    }
    let result = joined(&at);
    if (path.ends_with('/') || path.ends_with("/.") || path == ".") && model[&result] {
        return Err(Errno::ENOTDIR);
    }
    Ok(result)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_resolve_as_in_the_model(
        made in prop::collection::vec("[ab]{1,2}(/[ab]{1,2}){0,3}", 0..12),
        path in "(/|\\./|\\.\\./|[ab]{1,2}/|proc/|short|short/){0,10}(\\.|\\.\\.|short|proc|[ab]{1,2})?",
        cwd_pick in any::<prop::sample::Index>(),
    ) {
        let (vfs, _) = vfs();
        let mut model = Model::from([("/".into(), false), ("/proc".into(), false)]);
        for node in &NODES {
            model.insert(std::format!("/proc/{}", node.name), true);
        }
        for name in made {
            let path = std::format!("/{name}");
            let parent = path.rsplit_once('/').map(|(parent, _)| if parent.is_empty() { "/" } else { parent }).unwrap();
            let expected = match (model.contains_key(parent), model.contains_key(&path)) {
                (false, _) => Err(Errno::ENOENT),
                (true, true) => Err(Errno::EEXIST),
                (true, false) => Ok(()),
            };
            prop_assert_eq!(vfs.make_directory("/", &path), expected);
            if expected.is_ok() {
                model.insert(path, false);
            }
        }
        let directories: Vec<&String> = model.iter().filter(|(_, is_file)| !**is_file).map(|(path, _)| path).collect();
        let cwd = directories[cwd_pick.index(directories.len())];
        let expected = model_resolve(&model, cwd, &path);
        let found = vfs.metadata(cwd, &path);
        prop_assert_eq!(found.map(|found| found.kind == Kind::File), expected.clone().map(|path| model[&path]));
        if let Ok(expected) = expected && !model[&expected] {
            let canonical = vfs.canonical_directory(cwd, &path).unwrap();
            prop_assert_eq!(canonical.as_str(), expected.as_str());
            prop_assert_eq!(vfs.metadata("/", &canonical), found);
        }
    }

    #[test]
    fn any_path_gets_an_answer(path in any::<String>(), cwd in "(/|/proc)") {
        let (vfs, _) = vfs();
        let _ = vfs.metadata(&cwd, &path);
        let _ = vfs.make_directory(&cwd, &path);
        let _ = vfs.open(&cwd, &path, OpenFlags::READ);
    }
}

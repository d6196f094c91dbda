//! A million random steps against a tree of maps.
//!
//! The model is written from POSIX' words and knows nothing of pages. It cannot know when space runs
//! out, so it is given that error: a step that fails for lack of space must have changed nothing, except for the part of
//! a write that succeeded.

use std::boxed::Box;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use fastrand::Rng;

use super::host::{HostBuffers, HostPages, ram};
use crate::{Errno, FileDescriptor, Kind, MAX_LINKS, MountOptions, OpenFlags, Result, SeekFrom, Vfs};

const STEPS: usize = 1_000_000;
const ROOT: usize = 0;
/// Where the second file system stands: no step may take it away.
const MOUNTED: usize = 1;
const LIMITS: [u64; 2] = [200, 60];
/// One step never takes more pages: those of a tree's height, of a directory and of the table of inodes.
const MAX_PAGES_A_STEP: u64 = 16;
const MAX_FILE_BYTES: u64 = 40_000;

/// A path of a few names, with many that go up, through links, or nowhere.
fn random_path(random: &mut Rng) -> String {
    let mut path = String::from(if random.usize(..3) > 0 { "/" } else { "" });
    let parts = 1 + random.usize(..4);
    for part in 0..parts {
        path.push_str(["a", "b", "c", "dir", "m", "link", "longer-name", ".", ".."][random.usize(..9)]);
        if part + 1 < parts || random.usize(..12) == 0 {
            path.push('/');
        }
    }
    path
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Directory(BTreeMap<String, usize>),
    File(Vec<u8>),
    Link(String),
}

struct Node {
    body: Body,
    parent: usize,
    /// The file system that it belongs to.
    mount: usize,
}

struct Open {
    descriptor: FileDescriptor,
    node: usize,
    flags: OpenFlags,
    offset: u64,
}

struct Target {
    parent: usize,
    name: Option<String>,
    found: Option<usize>,
    is_directory_meant: bool,
}

/// What should be there. Nodes are never taken out, so that open files keep theirs.
struct Model {
    nodes: Vec<Node>,
    cwd: String,
}

impl Model {
    fn new() -> Self {
        let directory = |names: &[(&str, usize)], mount| Node {
            body: Body::Directory(names.iter().map(|(name, node)| (name.to_string(), *node)).collect()),
            parent: ROOT,
            mount,
        };
        Self { nodes: vec![directory(&[("m", MOUNTED)], 0), directory(&[], 1)], cwd: "/".to_string() }
    }

    fn entries(&self, node: usize) -> Result<&BTreeMap<String, usize>> {
        match &self.nodes[node].body {
            Body::Directory(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn entries_mut(&mut self, node: usize) -> &mut BTreeMap<String, usize> {
        match &mut self.nodes[node].body {
            Body::Directory(entries) => entries,
            other => panic!("{other:?} is no directory"),
        }
    }

    /// Names, one after the other, put in front of those that are left as links are followed.
    fn walk(&self, path: &str, is_last_followed: bool) -> Result<Target> {
        let mut at = ROOT;
        if !path.starts_with('/') {
            at = self.walk(&self.cwd, true)?.found.ok_or(Errno::ENOENT)?;
        }
        let mut rest = path.to_string();
        let mut links = 0;
        let mut target = Target { parent: at, name: None, found: Some(at), is_directory_meant: true };
        loop {
            let trimmed = rest.trim_start_matches('/').to_string();
            if trimmed.is_empty() {
                break;
            }
            let (part, behind) = match trimmed.find('/') {
                Some(end) => (trimmed[..end].to_string(), trimmed[end..].to_string()),
                None => (trimmed.clone(), String::new()),
            };
            let is_last = behind.trim_matches('/').is_empty();
            self.entries(at)?;
            rest.clone_from(&behind);
            if part == "." || part == ".." {
                if part == ".." {
                    at = self.nodes[at].parent;
                }
                target = Target { parent: at, name: None, found: Some(at), is_directory_meant: true };
                continue;
            }
            let found = self.entries(at)?.get(&part).copied();
            let is_directory_meant = !behind.is_empty();
            target = Target { parent: at, name: Some(part), found, is_directory_meant };
            match found {
                None if is_last => return Ok(target),
                None => return Err(Errno::ENOENT),
                Some(node) => match &self.nodes[node].body {
                    Body::Link(text) if !is_last || is_directory_meant || is_last_followed => {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(Errno::ELOOP);
                        }
                        if text.starts_with('/') {
                            at = ROOT;
                        }
                        rest = format!("{text}{behind}");
                    }
                    _ => at = node,
                },
            }
        }
        if target.is_directory_meant {
            self.entries(at)?;
        }
        Ok(target)
    }

    fn existing(&self, path: &str) -> Result<usize> {
        self.walk(path, true)?.found.ok_or(Errno::ENOENT)
    }

    fn is_below(&self, node: usize, above: usize) -> bool {
        let mut at = node;
        while at != above {
            if at == ROOT {
                return false;
            }
            at = self.nodes[at].parent;
        }
        true
    }

    fn add(&mut self, parent: usize, name: String, body: Body) -> usize {
        let mount = self.nodes[parent].mount;
        self.nodes.push(Node { body, parent, mount });
        let node = self.nodes.len() - 1;
        self.entries_mut(parent).insert(name, node);
        node
    }

    /// What making something at a path would answer, and where it would be.
    fn place_to_make(&self, path: &str, body: &Body) -> Result<(usize, String)> {
        let target = self.walk(path, false)?;
        match (target.found, target.name) {
            (Some(_), _) | (None, None) => Err(Errno::EEXIST),
            (None, Some(_)) if target.is_directory_meant && !matches!(body, Body::Directory(_)) => {
                Err(Errno::ENOENT)
            }
            (None, Some(name)) => Ok((target.parent, name)),
        }
    }

    /// `link/` means the link where a name is taken away, and a link is no directory.
    fn check_no_link_meant(&self, path: &str) -> Result<()> {
        let name = path.trim_end_matches('/');
        if name.is_empty() || name == path {
            return Ok(());
        }
        match self.walk(name, false)?.found.map(|node| &self.nodes[node].body) {
            Some(Body::Link(_)) => Err(Errno::ENOTDIR),
            _ => Ok(()),
        }
    }

    fn place_to_remove(&self, path: &str, is_directory: bool) -> Result<(usize, String)> {
        self.check_no_link_meant(path)?;
        let target = self.walk(path, false)?;
        let found = target.found.ok_or(Errno::ENOENT)?;
        match (&self.nodes[found].body, is_directory) {
            (Body::Directory(_), false) => Err(Errno::EISDIR),
            (Body::File(_) | Body::Link(_), true) => Err(Errno::ENOTDIR),
            _ if target.name.is_none() || found == MOUNTED => Err(Errno::EBUSY),
            (Body::Directory(entries), true) if !entries.is_empty() => Err(Errno::ENOTEMPTY),
            _ => Ok((target.parent, target.name.unwrap())),
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        self.check_no_link_meant(from)?;
        let (old, new) = (self.walk(from, false)?, self.walk(to, false)?);
        let moved = old.found.ok_or(Errno::ENOENT)?;
        let (Some(old_name), Some(new_name)) = (old.name, new.name) else { return Err(Errno::EBUSY) };
        if self.nodes[old.parent].mount != self.nodes[new.parent].mount {
            return Err(Errno::EXDEV);
        }
        if moved == MOUNTED || new.found == Some(MOUNTED) {
            return Err(Errno::EBUSY);
        }
        let is_directory = matches!(self.nodes[moved].body, Body::Directory(_));
        if new.is_directory_meant && !is_directory {
            return Err(Errno::ENOTDIR);
        }
        if is_directory && self.is_below(new.parent, moved) {
            return Err(Errno::EINVAL);
        }
        match new.found.map(|node| &self.nodes[node].body) {
            _ if new.found == Some(moved) => return Ok(()),
            Some(Body::Directory(_)) if !is_directory => return Err(Errno::EISDIR),
            Some(Body::Directory(entries)) if !entries.is_empty() => return Err(Errno::ENOTEMPTY),
            Some(Body::File(_) | Body::Link(_)) if is_directory => return Err(Errno::ENOTDIR),
            _ => {}
        }
        self.entries_mut(old.parent).remove(&old_name);
        self.entries_mut(new.parent).insert(new_name, moved);
        self.nodes[moved].parent = new.parent;
        Ok(())
    }
}

/// The system under test, beside what it should be.
struct Trial {
    vfs: &'static Vfs,
    pages: [&'static HostPages; 2],
    model: Model,
    open: Vec<Open>,
    random: Rng,
    full: usize,
}

impl Trial {
    /// Whether an answer that there is no room can be true.
    fn expect_full(&mut self) {
        self.full += 1;
        let is_full = |(pages, limit): (&&HostPages, u64)| pages.lent() + MAX_PAGES_A_STEP > limit;
        assert!(self.pages.iter().zip(LIMITS).any(is_full), "no room, but it is not full");
    }

    fn step(&mut self) {
        let path = random_path(&mut self.random);
        match self.random.usize(..16) {
            0 => self.make(&path, Body::Directory(BTreeMap::new())),
            1 => {
                let target = random_path(&mut self.random);
                self.make(&path, Body::Link(target));
            }
            2 => self.remove(&path, true),
            3 | 4 => self.remove(&path, false),
            5 | 6 => {
                let to = random_path(&mut self.random);
                self.rename(&path, &to);
            }
            7 | 8 => self.open(&path),
            9 => self.look(&path),
            10 => {
                if let Ok(canonical) = self.vfs.canonical_directory(&self.model.cwd, &path) {
                    assert_eq!(self.model.existing(&canonical), self.model.existing(&path));
                    self.model.cwd = canonical.to_string();
                } else {
                    let expected = self.model.existing(&path).and_then(|node| self.model.entries(node));
                    assert!(expected.is_err(), "cd {path}");
                    self.model.cwd = "/".to_string();
                }
            }
            _ if self.open.is_empty() => {}
            operation => {
                let number = self.random.usize(..self.open.len());
                match operation {
                    11 => self.close(number),
                    12 => self.read(number),
                    13 => self.truncate(number),
                    _ => self.write(number),
                }
            }
        }
    }

    fn make(&mut self, path: &str, body: Body) {
        let place = self.model.place_to_make(path, &body);
        let found = match &body {
            Body::Link(target) => self.vfs.make_link(&self.model.cwd, target, path),
            _ => self.vfs.make_directory(&self.model.cwd, path),
        };
        match (found, place) {
            (Err(Errno::ENOSPC), Ok(_)) => self.expect_full(),
            (found, Ok((parent, name))) => {
                assert_eq!(found, Ok(()), "make {path}");
                self.model.add(parent, name, body);
            }
            (found, Err(error)) => assert_eq!(found, Err(error), "make {path}"),
        }
    }

    fn remove(&mut self, path: &str, is_directory: bool) {
        let found = if is_directory {
            self.vfs.remove_directory(&self.model.cwd, path)
        } else {
            self.vfs.unlink(&self.model.cwd, path)
        };
        let place = self.model.place_to_remove(path, is_directory);
        assert_eq!(found, place.clone().map(|_| ()), "remove {path}");
        if let Ok((parent, name)) = place {
            self.model.entries_mut(parent).remove(&name);
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        match self.vfs.rename(&self.model.cwd, from, to) {
            Err(Errno::ENOSPC) => self.expect_full(),
            found => assert_eq!(found, self.model.rename(from, to), "rename {from} {to}"),
        }
    }

    fn open(&mut self, path: &str) {
        const CHOICES: [OpenFlags; 6] = [
            OpenFlags::READ,
            OpenFlags::WRITE.union(OpenFlags::CREATE),
            OpenFlags::READ.union(OpenFlags::WRITE).union(OpenFlags::CREATE),
            OpenFlags::WRITE.union(OpenFlags::CREATE).union(OpenFlags::EXCLUSIVE),
            OpenFlags::WRITE.union(OpenFlags::TRUNCATE),
            OpenFlags::WRITE.union(OpenFlags::APPEND).union(OpenFlags::READ),
        ];
        if self.open.len() > 20 {
            return self.close(0);
        }
        let flags = CHOICES[self.random.usize(..CHOICES.len())];
        let is_new = flags.contains(OpenFlags::EXCLUSIVE);
        let expected = self.model.walk(path, !is_new).and_then(|target| {
            match target.found {
                Some(_) if is_new => return Err(Errno::EEXIST),
                Some(node) => match self.model.nodes[node].body {
                    Body::Directory(_) if flags.contains(OpenFlags::WRITE) => return Err(Errno::EISDIR),
                    _ => {}
                },
                None if !flags.contains(OpenFlags::CREATE) => return Err(Errno::ENOENT),
                None if target.is_directory_meant => return Err(Errno::EISDIR),
                None => {}
            }
            Ok(target)
        });
        let found = self.vfs.open(&self.model.cwd, path, flags);
        match (found, expected) {
            (Err(Errno::ENOSPC), Ok(Target { found: None, .. })) => self.expect_full(),
            (Ok(descriptor), Ok(target)) => {
                let node = target.found.unwrap_or_else(|| {
                    self.model.add(target.parent, target.name.unwrap(), Body::File(Vec::new()))
                });
                if let Body::File(bytes) = &mut self.model.nodes[node].body {
                    if flags.contains(OpenFlags::TRUNCATE) {
                        bytes.clear();
                    }
                    self.open.push(Open { descriptor, node, flags, offset: 0 });
                } else {
                    self.list(descriptor, node);
                }
            }
            (found, expected) => {
                assert_eq!(found.err(), expected.err(), "open {path} {flags:?}");
            }
        }
    }

    /// Reads and closes a directory.
    fn list(&self, descriptor: FileDescriptor, node: usize) {
        let mut names = Vec::new();
        while let Some(entry) = self.vfs.read_directory(descriptor).unwrap() {
            names.push(entry.name.to_string());
        }
        self.vfs.close(descriptor).unwrap();
        names.sort_unstable();
        let expected: Vec<String> = self.model.entries(node).unwrap().keys().cloned().collect();
        assert_eq!(names, expected);
    }

    fn look(&self, path: &str) {
        let cwd = &self.model.cwd;
        let found = self.vfs.link_metadata(cwd, path);
        let expected = self.model.walk(path, false).and_then(|target| target.found.ok_or(Errno::ENOENT));
        assert_eq!(found.err(), expected.err(), "look {path}");
        let (Ok(found), Ok(node)) = (found, expected) else { return };
        let node = &self.model.nodes[node];
        let of_kind = |kind| node_kind(&self.model.nodes, &node.body, kind);
        match &node.body {
            Body::Directory(_) => {
                assert_eq!((found.kind, found.links), (Kind::Directory, 2 + of_kind(Kind::Directory)));
            }
            Body::File(bytes) => {
                assert_eq!((found.kind, found.size_bytes), (Kind::File, bytes.len() as u64));
            }
            Body::Link(target) => {
                assert_eq!((found.kind, found.size_bytes), (Kind::Link, target.len() as u64));
                assert_eq!(self.vfs.read_link(cwd, path).unwrap().as_str(), target);
            }
        }
    }

    fn close(&mut self, number: usize) {
        let open = self.open.swap_remove(number);
        self.vfs.close(open.descriptor).unwrap();
    }

    fn read(&mut self, number: usize) {
        let open = &mut self.open[number];
        let to = self.random.usize(..MAX_FILE_BYTES as usize) as u64;
        if self.random.usize(..2) == 0 {
            assert_eq!(self.vfs.seek(open.descriptor, SeekFrom::Start(to)), Ok(to));
            open.offset = to;
        }
        let mut piece = vec![0xee; self.random.usize(..9000)];
        let found = self.vfs.read(open.descriptor, &mut piece);
        if !open.flags.contains(OpenFlags::READ) {
            return assert_eq!(found, Err(Errno::EBADF));
        }
        let Body::File(bytes) = &self.model.nodes[open.node].body else { panic!("a file is open") };
        let rest = bytes.get(open.offset as usize..).unwrap_or_default();
        let expected = &rest[..rest.len().min(piece.len())];
        assert_eq!(found, Ok(expected.len()));
        assert_eq!(&piece[..expected.len()], expected);
        open.offset += expected.len() as u64;
    }

    fn write(&mut self, number: usize) {
        let open = &mut self.open[number];
        let at = SeekFrom::End(-(self.random.usize(..100) as i64));
        if let Ok(offset) = self.vfs.seek(open.descriptor, at) {
            open.offset = offset;
        }
        let piece = vec![self.random.usize(..256) as u8; self.random.usize(..6000)];
        let found = self.vfs.write(open.descriptor, &piece);
        if !open.flags.contains(OpenFlags::WRITE) {
            return assert_eq!(found, Err(Errno::EBADF));
        }
        let Body::File(bytes) = &mut self.model.nodes[open.node].body else { panic!("a file is open") };
        let start = if open.flags.contains(OpenFlags::APPEND) { bytes.len() } else { open.offset as usize };
        let count = match found {
            Err(Errno::ENOSPC) => 0,
            found => found.unwrap(),
        };
        if count > 0 {
            bytes.resize(bytes.len().max(start + count), 0);
            bytes[start..start + count].copy_from_slice(&piece[..count]);
            open.offset = (start + count) as u64;
        }
        if count == 0 && open.flags.contains(OpenFlags::APPEND) && found.is_ok() {
            open.offset = start as u64;
        }
        if count < piece.len() {
            self.expect_full();
        }
    }

    fn truncate(&mut self, number: usize) {
        let open = &self.open[number];
        let size_bytes = self.random.usize(..MAX_FILE_BYTES as usize);
        let found = self.vfs.truncate(open.descriptor, size_bytes as u64);
        if !open.flags.contains(OpenFlags::WRITE) {
            return assert_eq!(found, Err(Errno::EBADF));
        }
        assert_eq!(found, Ok(()));
        let Body::File(bytes) = &mut self.model.nodes[open.node].body else { panic!("a file is open") };
        bytes.resize(size_bytes, 0);
    }

    /// Everything that is there, and nothing else.
    fn compare_all(&self, path: &str, node: usize) {
        let descriptor = self.vfs.open("/", path, OpenFlags::READ).unwrap();
        self.list(descriptor, node);
        for (name, child) in self.model.entries(node).unwrap() {
            let path = format!("{}/{name}", path.trim_end_matches('/'));
            match &self.model.nodes[*child].body {
                Body::Directory(_) => self.compare_all(&path, *child),
                Body::Link(target) => {
                    assert_eq!(self.vfs.read_link("/", &path).unwrap().as_str(), target);
                }
                Body::File(expected) => {
                    let file = self.vfs.open("/", &path, OpenFlags::READ).unwrap();
                    let mut bytes = vec![0; expected.len() + 1];
                    let mut length = 0;
                    loop {
                        match self.vfs.read(file, &mut bytes[length..]).unwrap() {
                            0 => break,
                            count => length += count,
                        }
                    }
                    assert!(bytes[..length] == *expected, "{path} differs");
                    self.vfs.close(file).unwrap();
                }
            }
        }
    }

    fn remove_all(&self, path: &str, node: usize) {
        for (name, child) in self.model.entries(node).unwrap() {
            let path = format!("{path}/{name}");
            if let Body::Directory(_) = self.model.nodes[*child].body {
                self.remove_all(&path, *child);
                if *child != MOUNTED {
                    self.vfs.remove_directory("/", &path).unwrap();
                }
            } else {
                self.vfs.unlink("/", &path).unwrap();
            }
        }
    }
}

/// Entries of a kind in a directory.
fn node_kind(nodes: &[Node], body: &Body, kind: Kind) -> u32 {
    let Body::Directory(entries) = body else { return 0 };
    let is_kind = |node: &&usize| match nodes[**node].body {
        Body::Directory(_) => kind == Kind::Directory,
        Body::File(_) => kind == Kind::File,
        Body::Link(_) => kind == Kind::Link,
    };
    entries.values().filter(is_kind).count() as u32
}

#[test]
fn a_million_random_steps_agree_with_a_tree_of_maps() {
    let buffers: &'static HostBuffers = Box::leak(Box::default());
    let vfs: &'static Vfs = Box::leak(Box::new(Vfs::new(buffers)));
    let [(root, root_pages), (mounted, mounted_pages)] = LIMITS.map(ram);
    vfs.mount("root", "/", root, MountOptions::ReadWrite).unwrap();
    vfs.make_directory("/", "/m").unwrap();
    vfs.mount("m", "/m", mounted, MountOptions::ReadWrite).unwrap();
    let empty = [root_pages, mounted_pages].map(HostPages::lent);
    let pages = [root_pages, mounted_pages];
    let (model, random) = (Model::new(), Rng::with_seed(2026));
    let mut trial = Trial { vfs, pages, model, open: Vec::new(), random, full: 0 };
    for number in 1..=STEPS {
        trial.step();
        for (ram, pages) in [root, mounted].iter().zip(trial.pages) {
            assert_eq!(ram.used_pages(), pages.lent());
        }
        if number % 10_000 == 0 {
            trial.compare_all("/", ROOT);
        }
    }
    assert!(trial.full > STEPS / 1000, "the limits were reached {} times", trial.full);
    while !trial.open.is_empty() {
        trial.close(0);
    }
    trial.remove_all("", ROOT);
    assert_eq!(trial.pages.map(HostPages::lent), empty, "what is gone takes no page");
}

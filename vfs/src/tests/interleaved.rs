//! Another thread's operation between any two steps of one: the outcome is that of one after the other.
//!
//! A file system stands in front of the one in memory. Before each call, if nobody else would have to wait then, it
//! carries out the other thread's operation. So each gap that locks leave is tried, without threads and without chance.

use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::sync::Mutex;
use std::vec::Vec;

use super::host::{HostBuffers, ram};
use crate::{
    Contents, DirectoryEntry, FileDescriptor, FileSystem, InodeId, Kind, Metadata, MountOptions, New,
    OpenFlags, PathBuffer, RamFs, Result, Sort, Statistics, Vfs, WriteAt,
};

/// One call, by its name. What it opens stays open until both threads are done.
type Operation = (&'static str, fn(&Vfs) -> Result<Option<FileDescriptor>>);

const WRITE: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);
const CREATE: OpenFlags = WRITE.union(OpenFlags::CREATE);

/// Gaps that are tried in all, at least: with none, nothing would be tested.
const MIN_GAPS: usize = OPERATIONS.len();

const OPERATIONS: [Operation; 18] = [
    ("open", |vfs| vfs.open("/", "/file", WRITE).map(Some)),
    ("open a directory", |vfs| vfs.open("/", "/empty", OpenFlags::READ).map(Some)),
    ("open or make", |vfs| vfs.open("/", "/file", CREATE).map(Some)),
    ("open or make another", |vfs| vfs.open("/", "/new", CREATE).map(Some)),
    ("make alone", |vfs| vfs.open("/", "/new", CREATE.union(OpenFlags::EXCLUSIVE)).map(Some)),
    ("empty", |vfs| vfs.open("/", "/file", CREATE.union(OpenFlags::TRUNCATE)).map(Some)),
    ("make through a link", |vfs| vfs.open("/", "/link", CREATE).map(Some)),
    ("unlink", |vfs| vfs.unlink("/", "/file").map(|()| None)),
    ("unlink another", |vfs| vfs.unlink("/", "/new").map(|()| None)),
    ("make a directory", |vfs| vfs.make_directory("/", "/new").map(|()| None)),
    ("make a link", |vfs| vfs.make_link("/", "file", "/new").map(|()| None)),
    ("remove a directory", |vfs| vfs.remove_directory("/", "/empty").map(|()| None)),
    ("rename", |vfs| vfs.rename("/", "/file", "/new").map(|()| None)),
    ("rename over the file", |vfs| vfs.rename("/", "/other", "/file").map(|()| None)),
    ("rename a directory", |vfs| vfs.rename("/", "/full", "/empty").map(|()| None)),
    ("rename out of a directory", |vfs| vfs.rename("/", "/full/inner", "/file").map(|()| None)),
    ("touch", |vfs| vfs.touch("/", "/file").map(|()| None)),
    ("look", |vfs| vfs.metadata("/full", "../file").map(|_| None)),
];

/// What came of an operation: of what it opened, whether it can be written and what it is then.
fn outcome(vfs: &Vfs, result: Result<Option<FileDescriptor>>) -> String {
    match result {
        Err(error) => error.name().to_string(),
        Ok(None) => "done".to_string(),
        Ok(Some(file)) => {
            let written = vfs.write(file, b"+");
            let found = vfs.metadata_of(file).map(|found| (found.kind, found.links));
            vfs.close(file).unwrap();
            format!("{written:?} {found:?}")
        }
    }
}

/// The file system in memory, with an operation that comes in between.
struct Intruded {
    inner: &'static RamFs,
    vfs: &'static Vfs,
    intruder: Mutex<Intruder>,
}

#[derive(Default)]
struct Intruder {
    operation: Option<Operation>,
    /// Calls that are let pass before it.
    calls_before: usize,
    result: Option<Result<Option<FileDescriptor>>>,
}

impl Intruded {
    /// Carries the other operation out, if it is its turn and it would wait for nobody.
    fn inner(&self) -> &'static RamFs {
        if !self.vfs.mounts.is_locked() && !self.vfs.open_files.is_locked() {
            let operation = {
                let mut intruder = self.intruder.lock().unwrap();
                let is_due = intruder.calls_before == 0;
                intruder.calls_before = intruder.calls_before.saturating_sub(1);
                if is_due { intruder.operation.take() } else { None }
            };
            if let Some((_, operation)) = operation {
                let result = operation(self.vfs);
                self.intruder.lock().unwrap().result = Some(result);
            }
        }
        self.inner
    }
}

impl FileSystem for Intruded {
    fn type_name(&self) -> &'static str {
        self.inner.type_name()
    }
    fn root(&self) -> InodeId {
        self.inner.root()
    }
    fn lookup(&self, directory: InodeId, name: &str) -> Result<InodeId> {
        self.inner().lookup(directory, name)
    }
    fn parent(&self, directory: InodeId) -> Result<InodeId> {
        self.inner().parent(directory)
    }
    fn metadata(&self, inode: InodeId) -> Result<Metadata> {
        self.inner().metadata(inode)
    }
    fn read_directory(&self, directory: InodeId, cursor: u64) -> Result<Option<(DirectoryEntry, u64)>> {
        self.inner().read_directory(directory, cursor)
    }
    fn read_link(&self, inode: InodeId) -> Result<PathBuffer> {
        self.inner().read_link(inode)
    }
    fn is_higher_than(&self, directory: InodeId, levels: usize) -> Result<bool> {
        self.inner().is_higher_than(directory, levels)
    }
    fn statistics(&self) -> Statistics {
        self.inner().statistics()
    }
    fn open(&self, inode: InodeId) -> Result<Contents> {
        self.inner().open(inode)
    }
    fn close(&self, inode: InodeId) {
        self.inner().close(inode);
    }
    fn read(&self, inode: InodeId, offset: u64, target: &mut [u8]) -> Result<usize> {
        self.inner().read(inode, offset, target)
    }
    fn write(&self, inode: InodeId, at: WriteAt, bytes: &[u8]) -> Result<(u64, usize)> {
        self.inner().write(inode, at, bytes)
    }
    fn set_size(&self, inode: InodeId, size_bytes: u64) -> Result<()> {
        self.inner().set_size(inode, size_bytes)
    }
    fn touch(&self, inode: InodeId) -> Result<()> {
        self.inner().touch(inode)
    }
    fn create(&self, parent: InodeId, name: &str, new: New<'_>) -> Result<InodeId> {
        self.inner().create(parent, name, new)
    }
    fn remove(&self, parent: InodeId, name: &str, sort: Sort) -> Result<()> {
        self.inner().remove(parent, name, sort)
    }
    fn rename(&self, from: (InodeId, &str), to: (InodeId, &str)) -> Result<()> {
        self.inner().rename(from, to)
    }
}

fn new() -> &'static Intruded {
    let buffers: &'static HostBuffers = Box::leak(Box::default());
    let vfs: &'static Vfs = Box::leak(Box::new(Vfs::new(buffers)));
    let intruded = Intruded { inner: ram(u64::MAX).0, vfs, intruder: Mutex::default() };
    let intruded: &'static Intruded = Box::leak(Box::new(intruded));
    vfs.mount("none", "/", intruded, MountOptions::ReadWrite).unwrap();
    for path in ["/empty", "/full"] {
        vfs.make_directory("/", path).unwrap();
    }
    vfs.make_link("/", "new", "/link").unwrap();
    for (path, length) in [("/file", 1), ("/other", 2), ("/full/inner", 3)] {
        let file = vfs.open("/", path, CREATE).unwrap();
        vfs.write(file, &[b'x'; 3][..length]).unwrap();
        vfs.close(file).unwrap();
    }
    intruded
}

/// All names with their kinds and sizes.
fn tree(vfs: &Vfs, path: &str) -> Vec<String> {
    let directory = vfs.open("/", path, OpenFlags::READ).unwrap();
    let mut all = Vec::new();
    while let Some(entry) = vfs.read_directory(directory).unwrap() {
        let path = format!("{path}/{}", entry.name);
        let size_bytes = vfs.link_metadata("/", &path).unwrap().size_bytes;
        all.push(format!(
            "{path} {:?} {}",
            entry.kind,
            if entry.kind == Kind::File { size_bytes } else { 0 }
        ));
        if entry.kind == Kind::Directory {
            all.extend(tree(vfs, &path));
        }
    }
    vfs.close(directory).unwrap();
    all.sort_unstable();
    all
}

/// What came of two operations, and what is there afterwards.
type Outcome = (String, String, Vec<String>);

fn outcomes(
    vfs: &Vfs,
    own: Result<Option<FileDescriptor>>,
    others: Result<Option<FileDescriptor>>,
) -> Outcome {
    (outcome(vfs, own), outcome(vfs, others), tree(vfs, "/"))
}

#[test]
fn whatever_comes_in_between_comes_before_or_after() {
    let mut gaps = 0;
    for own in OPERATIONS {
        for other in OPERATIONS {
            let vfs = new().vfs;
            let (first, second) = ((own.1)(vfs), (other.1)(vfs));
            let own_first = outcomes(vfs, first, second);
            let vfs = new().vfs;
            let (first, second) = ((other.1)(vfs), (own.1)(vfs));
            let other_first = outcomes(vfs, second, first);
            for calls_before in 0.. {
                let system = new();
                let intruder = Intruder { operation: Some(other), calls_before, result: None };
                *system.intruder.lock().unwrap() = intruder;
                let result = (own.1)(system.vfs);
                let intruder = std::mem::take(&mut *system.intruder.lock().unwrap());
                let Some(others) = intruder.result else { break };
                let found = outcomes(system.vfs, result, others);
                assert!(
                    found == own_first || found == other_first,
                    "{} with {} in gap {calls_before}:\n{found:?}\nis neither\n{own_first:?}\nnor\n{other_first:?}",
                    own.0,
                    other.0,
                );
                gaps += 1;
            }
        }
    }
    assert!(gaps >= MIN_GAPS, "only {gaps} gaps");
}

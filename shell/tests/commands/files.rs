//! The files of the test machine: `/`, `/tmp` and `/ro` in memory, `/proc` and `/dev` with one node of each kind.

use std::cell::Cell;
use std::fmt::{self, Write};

use vfs::{
    Content, Control, Device, Errno, GeneratedFs, MountOptions, Node, OpenFlags, RamFs, Result, Table, Text,
    Vfs,
};

use crate::memory::Memory;

/// Pages that `/` and `/tmp` may have.
const LIMIT_PAGES: u64 = 1024;

thread_local! {
    /// Nanoseconds since 1970. A test has a thread of its own.
    static NOW_NS: Cell<u64> = const { Cell::new(1_795_642_680_000_000_000) };
}

/// Sets the clock, in seconds since 1970.
pub(crate) fn set_clock(seconds: u64) {
    NOW_NS.set(seconds * 1_000_000_000);
}

/// A text that never changes.
struct Fixed(&'static str);

impl Text for Fixed {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str(self.0)
    }
}

/// `row 0` to `row 4999`, in batches.
struct Rows;

impl Table for Rows {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str("rows\n")
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> std::result::Result<Option<u64>, fmt::Error> {
        (cursor..cursor + 500).try_for_each(|row| writeln!(out, "row {row}"))?;
        Ok(Some(cursor + 500).filter(|next| *next < 5000))
    }
}

/// Takes `on` and `off`.
struct Switch;

impl Text for Switch {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str("a switch\n")
    }
}

impl Control for Switch {
    fn command(&self, line: &str) -> Result<()> {
        if matches!(line, "on" | "off") { Ok(()) } else { Err(Errno::EINVAL) }
    }
}

/// Takes all and has nothing.
struct Null;

impl Device for Null {
    fn read(&self, _: &mut u64, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }
}

/// Fails at everything.
struct Broken;

impl Device for Broken {
    fn read(&self, _: &mut u64, _: &mut [u8]) -> Result<usize> {
        Err(Errno::EIO)
    }

    fn write(&self, _: &[u8]) -> Result<usize> {
        Err(Errno::EIO)
    }
}

/// Takes nothing, and says so by a count of 0.
struct Stuck;

impl Device for Stuck {
    fn read(&self, _: &mut u64, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn write(&self, _: &[u8]) -> Result<usize> {
        Ok(0)
    }
}

/// Takes whole lines of text alone.
struct Lines;

impl Device for Lines {
    fn read(&self, _: &mut u64, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        let is_whole = std::str::from_utf8(bytes).is_ok_and(|text| text.ends_with('\n'));
        if is_whole { Ok(bytes.len()) } else { Err(Errno::EINVAL) }
    }
}

/// Never ends.
struct Zero;

impl Device for Zero {
    fn read(&self, _: &mut u64, target: &mut [u8]) -> Result<usize> {
        target.fill(0);
        Ok(target.len())
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }
}

const MEMINFO: &str = "\
MemTotal:         254984 kB
MemFree:          254204 kB
MemAvailable:     254336 kB
Buffers:             132 kB
Cached:               16 kB
Shmem:                16 kB
";

static PROC: GeneratedFs = GeneratedFs::new(
    "proc",
    &[
        Node { name: "meminfo", content: Content::Text(&Fixed(MEMINFO)) },
        Node { name: "rows", content: Content::Table(&Rows) },
        Node { name: "self", content: Content::Link("sys") },
        Node { name: "switch", content: Content::Control(&Switch) },
        Node { name: "sys", content: Content::Directory(&[]) },
        Node { name: "uptime", content: Content::Text(&Fixed("93784.99 1.00\n")) },
        Node { name: "version", content: Content::Text(&Fixed("Tally version 0.1.0\n")) },
    ],
    now,
);

static DEV: GeneratedFs = GeneratedFs::new(
    "devtmpfs",
    &[
        Node { name: "broken", content: Content::Device(&Broken) },
        Node { name: "null", content: Content::Device(&Null) },
        Node { name: "stuck", content: Content::Device(&Stuck) },
        Node { name: "lines", content: Content::Device(&Lines) },
        Node { name: "zero", content: Content::Device(&Zero) },
    ],
    now,
);

fn now() -> u64 {
    NOW_NS.get()
}

/// An empty file system of a few pages.
fn ram(pages: &'static Memory) -> &'static RamFs {
    let ram: &'static RamFs = Box::leak(Box::new(RamFs::new(pages, now)));
    ram.set_limit_pages(LIMIT_PAGES);
    ram
}

/// All files of a machine, and the file system on `/tmp`.
pub(crate) fn mount_all(pages: &'static Memory, buffers: &'static Memory) -> Result<(Vfs, &'static RamFs)> {
    let vfs = Vfs::new(buffers);
    let (root, temporary, read_only) = (ram(pages), ram(pages), ram(pages));
    vfs.mount("rootfs", "/", root, MountOptions::ReadWrite)?;
    for directory in ["/dev", "/proc", "/ro", "/tmp"] {
        vfs.make_directory("/", directory)?;
    }
    vfs.mount("devtmpfs", "/dev", &DEV, MountOptions::ReadWrite)?;
    vfs.mount("proc", "/proc", &PROC, MountOptions::ReadWrite)?;
    vfs.mount("rofs", "/ro", read_only, MountOptions::ReadOnly)?;
    vfs.mount("tmpfs", "/tmp", temporary, MountOptions::ReadWrite)?;
    Ok((vfs, temporary))
}

/// Removes all that a test has made in `/` and `/tmp`.
pub(crate) fn remove_all(vfs: &Vfs) -> Result<()> {
    for top in ["/tmp", "/"] {
        while let Some(path) = first_entry(vfs, top, &["dev", "proc", "ro", "tmp"])? {
            remove_tree(vfs, &path)?;
        }
    }
    Ok(())
}

fn remove_tree(vfs: &Vfs, path: &str) -> Result<()> {
    if vfs.link_metadata("/", path)?.kind != vfs::Kind::Directory {
        return vfs.unlink("/", path);
    }
    while let Some(entry) = first_entry(vfs, path, &[])? {
        remove_tree(vfs, &entry)?;
    }
    vfs.remove_directory("/", path)
}

/// The path of the first entry of a directory, but for some in the root.
fn first_entry(vfs: &Vfs, directory: &str, kept: &[&str]) -> Result<Option<String>> {
    let open = vfs.open("/", directory, OpenFlags::READ)?;
    let mut found = None;
    while found.is_none()
        && let Some(entry) = vfs.read_directory(open)?
    {
        let is_kept = directory == "/" && kept.contains(&entry.name.as_str());
        found = (!is_kept).then(|| format!("{}/{}", directory.trim_end_matches('/'), entry.name));
    }
    vfs.close(open)?;
    Ok(found)
}

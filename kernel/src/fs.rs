//! All files: the one VFS, its two file systems in memory, and where each file system is mounted.
//!
//! What a file system contains is handed in by `main`, so that the files under `/proc` and `/dev` may in turn use this.

use config::Share;
use vfs::{FileSystem, MountOptions, RamFs, Result, Vfs};

use crate::arch::clock;
use crate::memory;
use crate::memory::pages::buffers::PageBuffers;
use crate::memory::pages::files::FilePages;

static ROOT: RamFs = RamFs::new(&FilePages, clock::now_ns);
static TEMPORARY: RamFs = RamFs::new(&FilePages, clock::now_ns);

/// All files.
pub(crate) static VFS: Vfs = Vfs::new(&PageBuffers);

/// Mounts the root, with `dev`, `proc` and /tmp on it. Each of the two in memory may hold `size`.
// Not inlined: its local variables would stay in `main`'s frame for ever, and `leaks scan` takes those for references.
#[inline(never)]
pub(crate) fn mount(dev: &'static dyn FileSystem, proc: &'static dyn FileSystem, size: Share) -> Result<()> {
    let limit_pages = size.pages(memory::total_pages()) as u64;
    VFS.mount("rootfs", "/", &ROOT, MountOptions::ReadWrite)?;
    VFS.make_directory("/", "/dev")?;
    VFS.make_directory("/", "/proc")?;
    VFS.make_directory("/", "/tmp")?;
    VFS.mount("devtmpfs", "/dev", dev, MountOptions::ReadWrite)?;
    VFS.mount("proc", "/proc", proc, MountOptions::ReadWrite)?;
    VFS.mount("tmpfs", "/tmp", &TEMPORARY, MountOptions::ReadWrite)?;
    VFS.touch("/", "/tmp")?;
    // What the root needs for the mounts is there, whatever the limit.
    ROOT.set_limit_pages(limit_pages);
    TEMPORARY.set_limit_pages(limit_pages);
    Ok(())
}

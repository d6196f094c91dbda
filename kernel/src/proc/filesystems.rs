//! `/proc/filesystems`: the types of file systems, as Linux lists them. None of them needs a disk.
//!
//! Source: Linux, fs/filesystems.c, for the format.

use core::fmt::{self, Write};

use arrayvec::ArrayVec;
use vfs::Text;

use crate::fs::VFS;

const MAX_TYPES: usize = 16;

/// The file.
pub(super) struct FileSystems;

impl Text for FileSystems {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        // Every type that there is, is mounted somewhere.
        let mut types = ArrayVec::<&str, MAX_TYPES>::new();
        VFS.for_each_mount(|mount, _| {
            let name = mount.filesystem.type_name();
            if !types.contains(&name) {
                types.try_push(name).unwrap_or_default();
            }
        });
        types.iter().try_for_each(|name| writeln!(out, "nodev\t{name}"))
    }
}

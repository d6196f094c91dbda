//! `/proc/self/mounts`: what is mounted where, in the format of fstab(5).

use core::fmt::{self, Write};

use vfs::{MountOptions, Text};

use crate::fs::VFS;

/// The file.
pub(super) struct MountTable;

impl Text for MountTable {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let mut result = Ok(());
        VFS.for_each_mount(|mount, path| {
            let options = match mount.options {
                MountOptions::ReadWrite => "rw",
                MountOptions::ReadOnly => "ro",
            };
            let kind = mount.filesystem.type_name();
            let room = mount.filesystem.statistics();
            if result.is_err() {
                return;
            }
            result = write!(out, "{} {} {kind} {options}", Escaped(mount.source), Escaped(path));
            if result.is_ok() && room.total_blocks > 0 {
                let size_kib = room.total_blocks * u64::from(room.block_bytes) / 1024;
                result = write!(out, ",size={size_kib}k");
            }
            result = result.and_then(|()| writeln!(out, " 0 0"));
        });
        result
    }
}

/// A name in which what parts names is written in octal. Source: Linux, `fs/proc_namespace.c`.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            ' ' | '\t' | '\n' | '\\' | '#' => write!(out, "\\{:03o}", u32::from(character)),
            _ => out.write_char(character),
        })
    }
}

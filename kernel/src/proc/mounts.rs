//! `/proc/mounts`: what is mounted where, in the format of fstab(5).

use core::fmt::{self, Write};

use vfs::{MountOptions, Text};

use crate::kernel::VFS;

/// The file.
pub(super) struct MountTable;

impl Text for MountTable {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let mut result = Ok(());
        VFS.for_each_mount(|mount| {
            let options = match mount.options {
                MountOptions::ReadWrite => "rw",
                MountOptions::ReadOnly => "ro",
            };
            let kind = mount.filesystem.type_name();
            if result.is_ok() {
                result = writeln!(out, "{} {} {kind} {options} 0 0", mount.source, mount.path);
            }
        });
        result
    }
}

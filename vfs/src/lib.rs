//! A small virtual file system: paths, inodes, mounts, open files, and files of generated text.
//!
//! A [`Vfs`] holds a table of mounted [`FileSystem`]s and a table of open files. Two file systems are
//! included: [`RamFs`], which stores files in memory, and [`GeneratedFs`], whose files are text that is rendered when they
//! are opened ([`Text`]) or while they are read ([`Table`]).
//!
//! Opening, reading, listing and closing allocate nothing: inodes are numbers, open files have fixed slots,
//! and text is in buffers lent by [`Buffers`]. So a file that reports on a heap can be read without changing
//! what it reports. No lock is held while text is rendered.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod errno;
mod files;
mod filesystem;
mod generated;
mod inode;
mod mount;
mod open_files;
mod path;
mod ram;
mod reader;
mod vfs;
mod walk;

#[cfg(test)]
mod tests;

pub use errno::{Errno, Result};
pub use filesystem::{Contents, FileSystem, New, PageUse, Sort, Statistics, WriteAt};
pub use generated::{Content, Control, ControlTable, Device, GeneratedFs, Node, Table, Text};
pub use inode::{DirectoryEntry, InodeId, Kind, Metadata, Name};
pub use mount::{Mount, MountOptions};
pub use open_files::{FileDescriptor, MAX_OPEN_FILES, OpenFlags, SeekFrom};
pub use path::{CANONICAL_MAX, MAX_DEPTH, MAX_LINKS, NAME_MAX, PATH_MAX, PathBuffer};
pub use ram::{Pages, RAM_PAGE_BYTES, RamFs};
pub use reader::{BATCH_BYTES, Buffers};
pub use vfs::Vfs;

//! The table of open files: fixed slots, so that opening a file allocates nothing.

use bitflags::bitflags;

use crate::errno::{Errno, Result};
use crate::generated::{Commands, Device};
use crate::mount::Place;
use crate::reader::{LineGatherer, Reader};

/// Files and directories that may be open at once.
pub const MAX_OPEN_FILES: usize = 1024;

bitflags! {
    /// How a file is opened.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OpenFlags: u32 {
        /// Open for reading.
        const READ = 1;
        /// Open for writing.
        const WRITE = 1 << 1;
        /// Each write goes to the current end of the file.
        const APPEND = 1 << 2;
        /// Create the file if it does not exist.
        const CREATE = 1 << 3;
        /// Together with `CREATE`: fail if the file exists.
        const EXCLUSIVE = 1 << 4;
        /// Truncate the file to length 0.
        const TRUNCATE = 1 << 5;
    }
}

/// Where a seek counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekFrom {
    /// An offset in bytes from the beginning.
    Start(u64),
    /// A distance in bytes from the current offset.
    Current(i64),
    /// A distance in bytes from the end.
    End(i64),
}

/// An open file or directory: its slot, and the slot's generation, which tells successive files in it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDescriptor {
    slot: u32,
    generation: u32,
}

/// An open file, with its offset.
pub(crate) struct OpenFile {
    pub(crate) place: Place,
    pub(crate) flags: OpenFlags,
    /// Offset in bytes; for a directory, the file system's cursor.
    pub(crate) offset: u64,
    pub(crate) body: Body,
}

/// The kinds of open files.
pub(crate) enum Body {
    Directory,
    Generated(Reader),
    Control {
        control: Commands,
        /// If it is open to read.
        reader: Option<Reader>,
        /// If it is open to write.
        lines: Option<LineGatherer>,
    },
    Device(&'static dyn Device),
    Stored,
}

struct Slot {
    generation: u32,
    state: State,
}

enum State {
    Free,
    /// Reserved, or in use by an operation.
    Busy,
    Open(OpenFile),
}

/// The table of slots.
pub(crate) struct OpenFiles {
    slots: [Slot; MAX_OPEN_FILES],
}

impl OpenFiles {
    #[expect(clippy::large_stack_arrays, reason = "made at compile time, for a static")]
    pub(crate) const fn new() -> Self {
        Self { slots: [const { Slot { generation: 0, state: State::Free } }; MAX_OPEN_FILES] }
    }

    /// Takes a slot for a file that is about to be opened.
    pub(crate) fn reserve(&mut self) -> Result<FileDescriptor> {
        let free = self.slots.iter_mut().enumerate().find(|(_, slot)| matches!(slot.state, State::Free));
        let (number, slot) = free.ok_or(Errno::EMFILE)?;
        slot.state = State::Busy;
        Ok(FileDescriptor { slot: number as u32, generation: slot.generation })
    }

    fn slot(&mut self, descriptor: FileDescriptor) -> Result<&mut Slot> {
        let slot = self.slots.get_mut(descriptor.slot as usize).ok_or(Errno::EBADF)?;
        if slot.generation == descriptor.generation { Ok(slot) } else { Err(Errno::EBADF) }
    }

    /// Takes the file out, to use it without the table's lock.
    pub(crate) fn take(&mut self, descriptor: FileDescriptor) -> Result<OpenFile> {
        let slot = self.slot(descriptor)?;
        match core::mem::replace(&mut slot.state, State::Busy) {
            State::Open(file) => Ok(file),
            State::Busy => Err(Errno::EBUSY),
            State::Free => {
                slot.state = State::Free;
                Err(Errno::EBADF)
            }
        }
    }

    /// Puts a file into the slot that was reserved or emptied for it.
    pub(crate) fn put(&mut self, descriptor: FileDescriptor, file: OpenFile) {
        if let Ok(slot) = self.slot(descriptor) {
            slot.state = State::Open(file);
        }
    }

    /// Frees a slot that was reserved or emptied.
    pub(crate) fn release(&mut self, descriptor: FileDescriptor) {
        if let Ok(slot) = self.slot(descriptor) {
            slot.state = State::Free;
            slot.generation = slot.generation.wrapping_add(1);
        }
    }
}

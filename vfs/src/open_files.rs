//! The table of open files: fixed slots, so that opening a file allocates nothing.

use crate::errno::{Errno, Result};
use crate::generated::Reader;
use crate::mount::Place;

/// Files and directories that may be open at once.
pub const MOST_OPEN_FILES: usize = 64;

/// An open file or directory: a slot, and which of the files that were ever in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDescriptor {
    slot: u32,
    generation: u32,
}

/// What is open.
pub(crate) enum OpenFile {
    /// A directory, and how far it was read.
    Directory { place: Place, cursor: u64 },
    /// A file of generated text, and how far it was read.
    Generated { reader: Reader, offset: u64 },
}

struct Slot {
    generation: u32,
    state: State,
}

enum State {
    Free,
    /// Taken out for a moment by a reader.
    Busy,
    Open(OpenFile),
}

/// The slots.
pub(crate) struct OpenFiles {
    slots: [Slot; MOST_OPEN_FILES],
}

impl OpenFiles {
    pub(crate) const fn new() -> Self {
        Self { slots: [const { Slot { generation: 0, state: State::Free } }; MOST_OPEN_FILES] }
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

//! The record of one live block: 32 bytes.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::platform::Platform;

const LOW_48: u64 = (1 << 48) - 1;

/// What is known of one live block.
///
/// Four words: pointer (48 bits), alignment as a power of two (8), CPU (8); size (48), task (16);
/// sequence number (48), low half of the stack id (16); clock stamp (48), high half of the stack id (16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    words: [u64; 4],
}

const _: () = assert!(size_of::<Record>() == 32);

/// When, where and by whom a block was allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Number of the event that allocated the block, counted from 1.
    pub sequence: u64,
    /// The platform's clock then.
    pub stamp: u64,
    /// The CPU that asked.
    pub cpu: u8,
    /// The task that asked.
    pub task: u16,
    /// The call stack's id, 0 when none was recorded.
    pub stack: u32,
}

impl Origin {
    /// An event of this moment, CPU and task.
    #[inline]
    pub(crate) fn now(sequence: u64, stack: u32, platform: &impl Platform) -> Self {
        Self { sequence, stamp: platform.stamp(), cpu: platform.cpu(), task: platform.task(), stack }
    }
}

impl Record {
    /// A record that stands for no block.
    pub const EMPTY: Self = Self { words: [0; 4] };

    /// The record of a block at `pointer`.
    #[inline]
    pub fn new(pointer: NonNull<u8>, layout: Layout, origin: &Origin) -> Self {
        let address = pointer.as_ptr() as u64;
        let align_log2 = u64::from(layout.align().trailing_zeros());
        Self {
            words: [
                (address << 16) | (align_log2 << 8) | u64::from(origin.cpu),
                (layout.size() as u64) << 16 | u64::from(origin.task),
                (origin.sequence << 16) | u64::from(origin.stack & 0xffff),
                (origin.stamp << 16) | u64::from(origin.stack >> 16),
            ],
        }
    }

    /// Where the block starts: the kept 48 bits, extended by their sign as x86-64 does.
    #[inline]
    pub fn address(&self) -> usize {
        ((self.words[0] as i64) >> 16) as usize
    }

    /// Whether this is the record of the block at `address`.
    #[inline]
    pub(crate) fn is_at(&self, address: usize) -> bool {
        self.words[0] >> 16 == address as u64 & LOW_48
    }

    /// Bytes that were asked for.
    #[inline]
    pub fn size_bytes(&self) -> usize {
        (self.words[1] >> 16) as usize
    }

    /// The alignment that was asked for, in bytes.
    #[inline]
    pub fn align_bytes(&self) -> usize {
        1 << ((self.words[0] >> 8) & 0x3f)
    }

    /// The layout that was asked for.
    #[inline]
    pub fn layout(&self) -> Layout {
        // SAFETY: both were taken from a valid layout, or from a size that was valid with this alignment; the
        // fields are private.
        unsafe { Layout::from_size_align_unchecked(self.size_bytes(), self.align_bytes()) }
    }

    /// Whether that is the layout that was asked for.
    #[inline]
    pub(crate) fn has_layout(&self, layout: Layout) -> bool {
        self.size_bytes() == layout.size() && self.align_bytes() == layout.align()
    }

    /// The record with another word for block, alignment and CPU, and another sequence number and stamp.
    #[inline]
    pub(crate) fn at_event(&self, kind_log2: u64, cpu: u8, sequence: u64, stamp: u64, task: u16) -> Self {
        let [block, size, numbered, stamped] = self.words;
        Self {
            words: [
                (block & !0xffff) | (kind_log2 << 8) | u64::from(cpu),
                (size & !0xffff) | u64::from(task),
                (numbered & 0xffff) | (sequence << 16),
                (stamped & 0xffff) | (stamp << 16),
            ],
        }
    }

    /// The record with `code` in the alignment's place.
    #[inline]
    pub(crate) fn with_code(&self, code: u64) -> Self {
        let [block, size, numbered, stamped] = self.words;
        Self { words: [(block & !0xff00) | (code << 8), size, numbered, stamped] }
    }

    /// Number of the event that allocated the block.
    pub fn sequence(&self) -> u64 {
        self.words[2] >> 16
    }

    /// The platform's clock at the allocation.
    pub fn stamp(&self) -> u64 {
        self.words[3] >> 16
    }

    /// The CPU that allocated the block.
    pub fn cpu(&self) -> u8 {
        self.words[0] as u8
    }

    /// The task that allocated the block.
    pub fn task(&self) -> u16 {
        self.words[1] as u16
    }

    /// The call stack's id, 0 when none was recorded.
    pub fn stack(&self) -> u32 {
        (self.words[2] as u32 & 0xffff) | ((self.words[3] as u32 & 0xffff) << 16)
    }

    /// The same block after a reallocation in place.
    pub(crate) fn set_size_bytes(&mut self, size_bytes: usize) {
        self.words[1] = (size_bytes as u64) << 16 | (self.words[1] & 0xffff);
    }
}

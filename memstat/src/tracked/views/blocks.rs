//! The records of live blocks: one, or all.

use super::Tracked;
use crate::backend::Backend;
use crate::life::BlockLife;
use crate::platform::Platform;
use crate::record::Record;

/// The tracker's lock is held, maybe by code that never continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// The live map of a tracker. From [`Tracked::blocks`].
#[derive(Debug)]
pub struct BlocksView<'a, B: Backend, P>(pub(super) &'a Tracked<B, P>);

impl<B: Backend, P: Platform> BlocksView<'_, B, P> {
    /// Entries in the live map; always equal to [`Counters::recorded_blocks`](crate::Counters::recorded_blocks).
    pub fn count(&self) -> usize {
        self.0.enter().live.len()
    }

    /// The record of the live block that starts at `address`.
    pub fn get(&self, address: usize) -> Option<Record> {
        self.0.enter().live.get(address).copied()
    }

    /// The record of the live block that contains `address`. `None` if there is none, or if the backend does not know
    /// where its blocks start and none starts at `address`.
    pub fn containing(&self, address: usize) -> Option<Record> {
        self.0.enter().record_around(address).copied()
    }

    /// The block that an address belongs to: a live one, red zones and rounding included; one in quarantine; or the last one
    /// of those whose free is remembered. `None` if none is known; blocks that are not recorded are not.
    pub fn life_at(&self, address: usize) -> Option<BlockLife> {
        self.0.enter().life_at(address)
    }

    /// As [`BlocksView::life_at`], for code that must not wait.
    ///
    /// # Errors
    ///
    /// [`Busy`] if the tracker's lock is held.
    pub fn try_life_at(&self, address: usize) -> Result<Option<BlockLife>, Busy> {
        let inner = self.0.inner.try_enter().ok_or(Busy)?;
        Ok(if inner.is_ready() { inner.life_at(address) } else { None })
    }

    /// The last free of a block that started at `address`, if it is remembered: the record of the block, and that of the
    /// free, of which stamp, CPU, task and call stack have a meaning. Without guards the call stack has its innermost frames
    /// only, and the last few frees are remembered, at level `stacks` and above.
    pub fn last_free(&self, address: usize) -> Option<(Record, Record)> {
        let inner = &mut *self.0.enter();
        let recent = inner.recent_free::<P>(address).copied()?;
        let mut free = recent.free();
        let stack = inner.depot.number_of(&recent.callers(), &mut inner.arena, self.0.platform());
        free.set_size_and_stack(free.size_bytes(), stack);
        Some((*recent.block(), free))
    }

    /// Copies records into `buffer`, starting at `cursor` (0 for the first call). Returns how many were copied, and the
    /// cursor of the next call, `None` at the end. A block that is live from the first call to the last appears exactly
    /// once. The work of one call is bounded.
    pub fn read(&self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        self.0.enter().live.read(cursor, buffer)
    }

    /// Copies the contents of the block with this record into `buffer`, from the byte `offset` on, and returns how many
    /// bytes were copied; `None` if the block is no longer live. The lock is held for the copy, so `buffer` should be
    /// small.
    pub fn copy_contents(&self, record: &Record, offset: usize, buffer: &mut [u8]) -> Option<usize> {
        let inner = self.0.enter();
        let live = inner.live.get(record.address())?;
        if live.sequence() != record.sequence() {
            return None;
        }
        let count = live.size_bytes().saturating_sub(offset).min(buffer.len());
        for (number, byte) in buffer.iter_mut().take(count).enumerate() {
            // SAFETY: inside a live block, which stays while the lock is held. Any contents are a valid byte; the read is
            // volatile, so that the compiler assumes nothing about memory that was never written.
            *byte = unsafe { ((live.address() + offset + number) as *const u8).read_volatile() };
        }
        Some(count)
    }
}

//! The records of live blocks, one by one or all.

use super::Tracked;
use crate::backend::Backend;
use crate::platform::Platform;
use crate::record::Record;

/// The live map of a tracker. From [`Tracked::blocks`].
#[derive(Debug)]
pub struct BlocksView<'a, B: Backend, P>(pub(super) &'a Tracked<B, P>);

impl<B: Backend, P: Platform> BlocksView<'_, B, P> {
    /// Entries in the live map; equal to the counters' recorded blocks at all times.
    pub fn count(&self) -> usize {
        self.0.enter().live.len()
    }

    /// The record of the live block that starts at `address`.
    pub fn get(&self, address: usize) -> Option<Record> {
        self.0.enter().live.get(address).copied()
    }

    /// The record of the live block that `address` lies in, as far as the backend knows where its blocks start.
    pub fn containing(&self, address: usize) -> Option<Record> {
        self.0.enter().record_around(address).copied()
    }

    /// Copies records into `buffer`, from the place `cursor` on (0 is the first), and says how many and where to go
    /// on; `None` at the end. A block that is live from the first step to the last appears exactly once. The work of
    /// one step is bounded.
    pub fn read(&self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        self.0.enter().live.read(cursor, buffer)
    }

    /// Copies bytes of the block that `record` is about, from `offset` on, and says how many; `None` if it is not live
    /// any more. To be asked for a few at a time, as the lock is held.
    pub fn copy_contents(&self, record: &Record, offset: usize, buffer: &mut [u8]) -> Option<usize> {
        let inner = self.0.enter();
        let live = inner.live.get(record.address())?;
        if live.sequence() != record.sequence() {
            return None;
        }
        let count = live.size_bytes().saturating_sub(offset).min(buffer.len());
        for (number, byte) in buffer.iter_mut().take(count).enumerate() {
            // SAFETY: inside a live block, which stays while the lock is held. Whatever was written there, or never
            // was, is a number; volatile, so that nobody draws conclusions from that.
            *byte = unsafe { ((live.address() + offset + number) as *const u8).read_volatile() };
        }
        Some(count)
    }
}

//! Leaks by reachability, for the tracker's users: the scan, what it found, and what is known better.

use core::ops::Range;
use core::ptr::NonNull;

use super::Tracked;
use crate::backend::Backend;
use crate::platform::Platform;
use crate::reach::{Mark, NoScan, Reach, Scanned};
use crate::record::Record;

/// Records that are looked at under the lock at once.
const RECORDS_AT_ONCE: usize = 512;

impl<B: Backend, P: Platform> Tracked<B, P> {
    /// Looks for blocks that nothing points to: neither a word of the `roots` nor one of a block that is pointed to.
    /// A block is a leak if this scan and the one before found nothing.
    ///
    /// The lock is held for a slice of the work at a time; before each `goes_on` is asked. A pointer into a block counts
    /// as one to it where the backend can tell where its blocks start, see [`Backend::locate`].
    ///
    /// # Errors
    ///
    /// [`NoScan`]; then nothing was found.
    ///
    /// # Safety
    ///
    /// All bytes of the roots can be read until this returns.
    pub unsafe fn scan(
        &self,
        roots: &[Range<usize>],
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<Scanned, NoScan> {
        self.enter().start_scan()?;
        loop {
            if !goes_on() {
                self.enter().stop_scan();
                return Err(NoScan::Stopped);
            }
            // SAFETY: handed on to the caller.
            if let Some(scanned) = unsafe { self.enter().scan_slice(roots) } {
                return Ok(scanned);
            }
        }
    }

    /// Says that the live block at `block` is no leak, though nothing that a scan sees points to it; what it points to is
    /// none either. False if no recorded block starts there.
    pub fn not_leak(&self, block: NonNull<u8>) -> bool {
        self.set_reach(block, Reach::NotLeak)
    }

    /// Says that the live block at `block` is no leak, and that no pointers lie in it. False if no recorded block starts
    /// there.
    pub fn ignore(&self, block: NonNull<u8>) -> bool {
        self.set_reach(block, Reach::Ignored)
    }

    fn set_reach(&self, block: NonNull<u8>, reach: Reach) -> bool {
        self.enter().set_reach(block.as_ptr() as usize, reach)
    }

    /// Copies the records of leaks into `buffer`, from the place `cursor` on (0 is the first), and says how many and
    /// where to go on; `None` at the end. One step may find none. A block that is a leak from the first step to the last
    /// appears exactly once. The work of one step is bounded.
    pub fn read_leaks(&self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        self.enter().live.read_if(cursor, buffer, |record| record.reach() == Reach::Leak)
    }

    /// Takes all leaks that were found for none: only later ones will be told. Says how many those are.
    pub fn clear_leaks(&self) -> u64 {
        let mut cleared = 0;
        let mut next = usize::MAX;
        while next > 0 {
            let inner = &mut *self.enter();
            next = next.min(inner.live.len());
            for _ in 0..RECORDS_AT_ONCE.min(next) {
                next -= 1;
                if let Some(record) = inner.live.nth_mut(next)
                    && record.reach() == Reach::Leak
                {
                    record.set_mark(Mark { reach: Reach::NotLeak, ..record.mark() });
                    cleared += 1;
                }
            }
        }
        cleared
    }

    /// The record of the live block that `address` lies in, as far as the backend knows where its blocks start.
    pub fn record_around(&self, address: usize) -> Option<Record> {
        self.enter().record_around(address).copied()
    }

    /// Copies bytes of the block that `record` is about, from `offset` on, and says how many; `None` if it is not live
    /// any more. To be asked for a few at a time, as the lock is held.
    pub fn read_block(&self, record: &Record, offset: usize, buffer: &mut [u8]) -> Option<usize> {
        let inner = self.enter();
        let live = inner.live.get(record.address())?;
        if live.sequence() != record.sequence() {
            return None;
        }
        let count = live.size_bytes().saturating_sub(offset).min(buffer.len());
        for (number, byte) in buffer.iter_mut().take(count).enumerate() {
            // SAFETY: inside a live block, which stays while the lock is held. Whatever was written there, or never was,
            // is a number; volatile, so that nobody draws conclusions from that.
            *byte = unsafe { ((live.address() + offset + number) as *const u8).read_volatile() };
        }
        Some(count)
    }
}

//! Two kinds of leaks: growth since an earlier snapshot, and blocks that nothing points to.

use core::ops::Range;
use core::ptr::NonNull;

use super::Tracked;
use crate::backend::Backend;
use crate::platform::Platform;
use crate::reach::{Mark, Reach, ScanError, ScanSummary};
use crate::record::Record;
use crate::snapshot::{Change, Snapshot, StacksMark};
use crate::stacks::StackUsage;

/// Records that are read in one critical section.
const RECORDS_AT_ONCE: usize = 512;

/// What leaks in a tracked heap. From [`Tracked::leaks`].
#[derive(Debug)]
pub struct LeaksView<'a, B: Backend, P>(pub(super) &'a Tracked<B, P>);

/// A scan that is under way. Dropping this abandons the scan.
struct Unfinished<'a, B: Backend, P: Platform>(&'a Tracked<B, P>);

impl<B: Backend, P: Platform> Drop for Unfinished<'_, B, P> {
    fn drop(&mut self) {
        self.0.enter().stop_scan();
    }
}

impl<B: Backend, P: Platform> LeaksView<'_, B, P> {
    /// The sequence number of the last event. Blocks that are recorded from now on have higher ones, modulo 2^48 (see
    /// [`Record::is_newer_than`]).
    pub fn sequence(&self) -> u64 {
        self.0.enter().sequence
    }

    /// Sets a mark, from which on [`report::write_leaks_since`](crate::report::write_leaks_since) tells growth. It takes
    /// the place of the one before. The lock is held for all of it, some instructions for each call stack.
    pub fn mark(&self) -> StacksMark {
        let inner = &mut *self.0.enter();
        let snapshot = inner.snapshot(self.0.platform().stamp());
        inner.settle_stacks::<P>();
        StacksMark::new(inner.depot.mark(), snapshot)
    }

    /// By how much the call stack of a number has grown since `mark`; `None` if a later mark was set. New blocks and
    /// frees of old ones are set off against each other.
    pub fn change_since(&self, mark: &StacksMark, number: u16) -> Option<Change> {
        let inner = &mut *self.0.enter();
        inner.stack::<P>(number);
        let (before, now) = inner.depot.usage_since(mark.number(), number)?;
        Some(Change::between(before, now))
    }

    /// A snapshot without the usage of each call stack.
    pub fn snapshot(&self) -> Snapshot {
        self.0.enter().snapshot(self.0.platform().stamp())
    }

    /// A snapshot, with what is live under each call stack in `usage`: the entry with the stack's number. Entry 0 has the
    /// blocks without a stack. `None` if `usage` has fewer entries than the [number of stacks](super::StacksView::count)
    /// plus one.
    /// The lock is held throughout, for a few instructions per stack.
    pub fn snapshot_by_stack(&self, usage: &mut [StackUsage]) -> Option<Snapshot> {
        let mut inner = self.0.enter();
        let (without_stack, usage) = usage.split_first_mut()?;
        let snapshot = inner.snapshot(self.0.platform().stamp());
        let usage = usage.get_mut(..usize::from(snapshot.stack_count))?;
        *without_stack = snapshot.recorded;
        for (number, place) in (1..).zip(usage) {
            *place = inner.stack::<P>(number).map(StackUsage::from).unwrap_or_default();
            without_stack.blocks = without_stack.blocks.saturating_sub(place.blocks);
            without_stack.bytes = without_stack.bytes.saturating_sub(place.bytes);
        }
        Some(snapshot)
    }

    /// Searches for blocks that cannot be reached by pointers from the `roots`, which are ranges of addresses, or from
    /// other reachable blocks. A block is a leak if neither this scan nor the previous one could reach it.
    ///
    /// The lock is held for a slice of the work at a time; `should_continue` is called before each slice, without the
    /// lock. A pointer to the inside of a block counts if the backend knows where its blocks start, see
    /// [`Backend::locate`].
    ///
    /// # Errors
    ///
    /// [`ScanError`] if the scan did not run to its end; then blocks are judged as before.
    ///
    /// # Safety
    ///
    /// All bytes of the roots can be read until this returns.
    pub unsafe fn scan(
        &self,
        roots: &[Range<usize>],
        mut should_continue: impl FnMut() -> bool,
    ) -> Result<ScanSummary, ScanError> {
        self.0.enter().start_scan()?;
        // If this ends early, even by a panic in `should_continue`, the next scan must not find this one under way.
        let unfinished = Unfinished(self.0);
        loop {
            if !should_continue() {
                return Err(ScanError::Stopped);
            }
            // SAFETY: upheld by the caller.
            if let Some(summary) = unsafe { self.0.enter().scan_slice(roots) } {
                // This scan has ended, and somebody else may have begun another: do not stop that one.
                core::mem::forget(unfinished);
                return Ok(summary);
            }
        }
    }

    /// Copies the records of leaks into `buffer`, starting at `cursor` (0 for the first call). Returns how many were copied,
    /// which may be none, and the cursor of the next call, `None` at the end. A block that is a leak from the first call to
    /// the last appears exactly once. The work of one call is bounded.
    pub fn read(&self, cursor: u64, buffer: &mut [Record]) -> (usize, Option<u64>) {
        self.0.enter().live.read_if(cursor, buffer, |record| record.reach() == Reach::Leak)
    }

    /// Dismisses all leaks that were found, so that only later ones are reported: from now on they count as
    /// [`Reach::NotLeak`]. Returns how many there were.
    pub fn clear(&self) -> u64 {
        let mut cleared = 0;
        let mut behind = Some(usize::MAX);
        while behind.is_some() {
            let inner = &mut *self.0.enter();
            for _ in 0..RECORDS_AT_ONCE {
                behind = behind.and_then(|behind| inner.live.before(behind));
                if let Some(next) = behind
                    && let Some(record) = inner.live.nth_mut(next)
                    && record.reach() == Reach::Leak
                {
                    record.set_mark(Mark { reach: Reach::NotLeak, ..record.mark() });
                    cleared += 1;
                }
            }
        }
        cleared
    }

    /// Declares that the live block at `block` is not a leak, even if a scan finds no pointer to it; nor are the blocks
    /// that it points to. False if no recorded block starts there.
    pub fn not_leak(&self, block: NonNull<u8>) -> bool {
        self.set_reach(block, Reach::NotLeak)
    }

    /// Declares that the live block at `block` is not a leak, and contains no pointers. False if no recorded block starts
    /// there.
    pub fn ignore(&self, block: NonNull<u8>) -> bool {
        self.set_reach(block, Reach::Ignored)
    }

    /// Undoes [`LeaksView::not_leak`] and [`LeaksView::ignore`]: the next scans judge the block as any other. False if no
    /// recorded block starts there.
    pub fn examine(&self, block: NonNull<u8>) -> bool {
        self.set_reach(block, Reach::Plain)
    }

    fn set_reach(&self, block: NonNull<u8>, reach: Reach) -> bool {
        self.0.enter().set_reach(block.as_ptr() as usize, reach)
    }
}

//! Bytes that live blocks take from memory, computed on request.
//!
//! A call stack counts the bytes that were requested under it. What its blocks take, with red zones and rounding, is
//! computed from the records: counting it as well would cost instructions at each allocation.

use super::BlocksView;
use crate::backend::Backend;
use crate::platform::Platform;
use crate::record::Record;

/// Records that are read in one critical section.
const RECORDS_AT_ONCE: usize = 32;

impl<B: Backend, P: Platform> BlocksView<'_, B, P> {
    /// Calls `visit` for each record, with the bytes that its block takes from memory. The lock is not held in `visit`. A
    /// block that is live throughout is visited exactly once. The work grows with the number of live blocks.
    pub fn for_each_taken(&self, mut visit: impl FnMut(&Record, u64)) {
        let mut records = [Record::EMPTY; RECORDS_AT_ONCE];
        let mut taken_bytes = [0; RECORDS_AT_ONCE];
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let inner = self.0.enter();
            let (count, next) = inner.live.read(from, &mut records);
            let found = records.iter().zip(&mut taken_bytes).take(count);
            found.for_each(|(record, taken_bytes)| *taken_bytes = inner.taken_bytes(record) as u64);
            drop(inner);
            records
                .iter()
                .zip(taken_bytes)
                .take(count)
                .for_each(|(record, taken_bytes)| visit(record, taken_bytes));
            cursor = next;
        }
    }
}

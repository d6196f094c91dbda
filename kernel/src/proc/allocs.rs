//! `/proc/allocs`: every live block of the heap, one a line.

use core::fmt::{self, Write};

use memstat::{Platform, Record, report};
use vfs::Table;

use crate::arch::VAddr;
use crate::memory::heap::tracker;
use crate::symbols::ReturnAddress;

/// Records read under the tracker's lock at once: they are copied to the stack.
const RECORDS_AT_ONCE: usize = 64;

/// The file.
pub(super) struct Allocs;

impl Table for Allocs {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        report::write_blocks_header(&tracker().counters(), out)
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        let mut records = [Record::EMPTY; RECORDS_AT_ONCE];
        let (count, next) = tracker().blocks().read(cursor, &mut records);
        for record in records.iter().take(count) {
            let time_ns = tracker().platform().stamp_to_ns(record.stamp());
            let stack = tracker().stacks().get(record.stack());
            let site = stack
                .and_then(|stack| stack.frames().first().copied())
                .map(|address| ReturnAddress(VAddr::from_usize(address)));
            report::write_block(record, time_ns, site.as_ref().map(|site| site as &dyn fmt::Display), out)?;
        }
        Ok(next)
    }
}

//! `/proc/alloc_histogram`: allocations by size, in classes of powers of two.

use core::fmt::{self, Write};

use memstat::report;
use vfs::Text;

use crate::memory::heap::tracker;

/// The file.
pub(super) struct AllocHistogram;

impl Text for AllocHistogram {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "alloc_histogram - version: 1.0")?;
        report::write_histogram(&tracker().statistics().histogram(), out)
    }
}

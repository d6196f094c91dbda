//! `/proc/fail_alloc` and `/proc/fail_page_alloc`: rules by which allocations fail, to try what happens then.
//!
//! Source: Linux, Documentation/fault-injection/fault-injection.rst, for what can be chosen; the words are our own.

use core::fmt::{self, Write};

use vfs::{Control, Errno, Result, Text};

use crate::memory::failures::{self, Failures};
use crate::symbols;

/// A file.
pub(super) struct FailAlloc(pub(super) &'static Failures);

/// Blocks of the heap.
pub(super) static HEAP: FailAlloc = FailAlloc(&failures::HEAP);
/// Pages.
pub(super) static PAGES: FailAlloc = FailAlloc(&failures::PAGES);

impl Text for FailAlloc {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

impl Control for FailAlloc {
    fn command(&self, line: &str) -> Result<()> {
        self.0.apply(line, symbols::find_sites).map_err(|error| {
            log::warn!("fail_alloc: '{line}': {error}");
            Errno::EINVAL
        })
    }
}

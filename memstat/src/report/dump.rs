//! A dump: all that a tracker knows, as lines of text for tools on another machine.
//!
//! The kernel's only way out is often a serial line, among log messages. So each line of a dump has a check of its own,
//! and the last line has one over all. docs/dump.md has the grammar; `memstat-report` reads it.
//!
//! Nothing is collected: what is read under the lock is a few records, and it is written before the next are read. So
//! others may allocate meanwhile, even `out` itself. The memory is that of this call's frames.

mod line;
mod sums;
mod writer;

use core::fmt;

use crate::backend::Backend;
use crate::platform::Platform;
use crate::tracked::Tracked;
use line::Lines;
use writer::Writer;

/// The version of the format, in a dump's first line.
pub const DUMP_VERSION: u32 = 1;

/// What a dump contains besides the totals and the call stacks.
#[derive(Clone, Copy, Default)]
pub struct DumpOptions<'a> {
    /// The name of the program or kernel.
    pub program: &'a str,
    /// By how much return addresses are higher than those in the program's file: where it was loaded.
    pub load_offset: usize,
    /// Which parts are written.
    pub parts: DumpParts,
    /// Points in time that blocks can be compared with.
    pub marks: &'a [DumpMark<'a>],
    /// Names for return addresses. Without it the reader needs the program's ELF file.
    pub names: Option<&'a NameFrames<'a>>,
}

impl fmt::Debug for DumpOptions<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = out.debug_struct("DumpOptions");
        shown.field("program", &self.program).field("load_offset", &self.load_offset);
        shown.field("parts", &self.parts).field("marks", &self.marks);
        shown.finish_non_exhaustive()
    }
}

/// How much is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DumpParts {
    /// Totals, call stacks, sizes and ages.
    #[default]
    Stacks,
    /// Each live block as well.
    Blocks,
    /// The events in the history as well.
    History,
}

/// A point in time with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpMark<'a> {
    /// Its name.
    pub name: &'a str,
    /// What [`LeaksView::sequence`](crate::LeaksView::sequence) was then.
    pub sequence: u64,
    /// The platform's stamp then.
    pub stamp: u64,
}

/// A function that an address lies in. Empty texts and line 0 stand for what is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpFrame<'a> {
    /// The function's name.
    pub function: &'a str,
    /// The source file.
    pub file: &'a str,
    /// The line in it.
    pub line: u32,
}

/// Passes the functions that the call before a return address lies in to the visitor, innermost first; none if no name is
/// known.
pub type NameFrames<'a> = dyn Fn(usize, &mut dyn FnMut(&DumpFrame<'_>)) + 'a;

/// Writes a dump of the tracker: docs/dump.md has the format.
///
/// Counters are one consistent snapshot. Each call stack is read whole, and each block that is live from the start to
/// the end appears once; what is allocated or freed meanwhile may be in one part and not in another, and the line
/// `during` says how much that was.
///
/// # Errors
///
/// The writer's own, at once; the dump is then cut, which a reader can tell.
pub fn dump<B: Backend, P: Platform>(
    tracker: &Tracked<B, P>,
    options: &DumpOptions<'_>,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    let mut writer = Writer::new(tracker, options, Lines::new(out));
    writer.head()?;
    let known = writer.stacks(1)?;
    let without_stack = writer.blocks()?;
    writer.without_stack(&without_stack)?;
    if options.parts == DumpParts::History {
        writer.history()?;
    }
    // Those that were first seen meanwhile: a block above may refer to them.
    writer.stacks(known.saturating_add(1))?;
    writer.end()
}

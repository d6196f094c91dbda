//! How two snapshots differ, in words: what `leaks since` and `leaks diff` show.

use core::fmt;

use memstat::{Change, Level, Snapshot, StackChange, TopChanges};
use shell::Session;

use crate::memory::heap::tracker;
use crate::memory::report::{PageChange, shown_frames};
use crate::symbols::StackFrame;

/// The most stacks that are shown.
pub(super) const MAX_ROWS: usize = 128;

/// How two snapshots differ.
pub(super) struct Changes {
    pub(super) earlier: Snapshot,
    pub(super) later: Snapshot,
    /// The pages that were taken at both.
    pub(super) pages: PageChange,
    /// The stacks that grew, and sums.
    pub(super) top: TopChanges<MAX_ROWS>,
    /// The blocks without a stack.
    pub(super) without_stack: StackChange,
    /// Whether new blocks were distinguished from old ones.
    pub(super) is_new_known: bool,
}

impl Changes {
    /// Writes the `rows` stacks that grew most, totals, and what they leave out.
    pub(super) fn show(&self, session: &mut Session, rows: usize) {
        let mut shown = 0;
        for row in self.top.iter().take(rows) {
            self.show_row(session, row);
            show_frames(session, row.number);
            if session.is_interrupted() {
                return;
            }
            shown += 1;
        }
        self.show_totals(session, shown);
        self.show_without_stack(session);
        session.print(format_args!("pages: {}\n", self.pages));
    }

    fn show_row(&self, session: &mut Session, row: &StackChange) {
        session.print(format_args!("{}", Signed(row.change)));
        if self.is_new_known {
            session.print(format_args!(" ({} new)", row.new.blocks));
        }
        session.print(format_args!(": stack {}\n", row.number));
    }

    fn show_totals(&self, session: &mut Session, shown: usize) {
        let top = &self.top;
        let total = Change::between(self.earlier.recorded, self.later.recorded);
        session.print(format_args!("total: {}\n", Signed(total)));
        for (what, sum) in [("grew", top.grown), ("shrank", top.shrunk)] {
            if sum.stacks > 0 {
                let stacks = Count(sum.stacks as u64, "stack");
                session.print(format_args!("{what}: {stacks}, {}\n", Signed(sum.change)));
            }
        }
        if self.is_new_known {
            let blocks = top.new.blocks + self.without_stack.new.blocks;
            let bytes = top.new.bytes + self.without_stack.new.bytes;
            session
                .print(format_args!("new: {}, {bytes} bytes, came and are live\n", Count(blocks, "block")));
        }
        let hidden = top.grown.stacks.saturating_sub(shown);
        if hidden > 0 {
            let stacks = Count(hidden as u64, "stack");
            session.print(format_args!("not shown: {stacks} that grew less; see -n\n"));
        }
        if top.renewed.stacks > 0 {
            let stacks = Count(top.renewed.stacks as u64, "stack");
            session.print(format_args!("renewed: {stacks} where blocks came and as many went; see -a\n"));
        }
    }

    /// What no call stack can be named for, and why.
    fn show_without_stack(&self, session: &mut Session) {
        let (earlier, later) = (&self.earlier, &self.later);
        let change = self.without_stack.change;
        if change != Change::default() || self.without_stack.new.blocks > 0 {
            session.print(format_args!("without a call stack: {}", Signed(change)));
            if self.is_new_known {
                session.print(format_args!(" ({} new)", self.without_stack.new.blocks));
            }
            session.print(format_args!(", {}\n", self.reason("the level was below stacks")));
        }
        let unrecorded = later.unrecorded_blocks as i64 - earlier.unrecorded_blocks as i64;
        if unrecorded != 0 {
            session.print(format_args!(
                "not recorded at all: {unrecorded:+} blocks, {}\n",
                self.reason("the level was below blocks")
            ));
        }
        if let Err(error) = later.level.require(Level::Stacks) {
            session.print(format_args!("{error}\n"));
        }
    }

    /// Why something is not known: the level, if that was not always high enough, else want of memory.
    fn reason(&self, level: &'static str) -> &'static str {
        if self.later.has_all_stacks_since(&self.earlier) { "the tracker's arena was full" } else { level }
    }
}

/// The frames of a stack, as `/proc/allocs_by_stack` has them.
pub(super) fn show_frames(session: &mut Session, number: u16) {
    let stack = tracker().stacks().get(number);
    for frame in stack.iter().flat_map(shown_frames) {
        session.print(format_args!("    {}\n", StackFrame(frame)));
    }
}

/// `1 block`, `2 blocks`.
pub(super) struct Count(pub(super) u64, pub(super) &'static str);

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// `+276 bytes, +3 blocks`.
pub(super) struct Signed(pub(super) Change);

impl fmt::Display for Signed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:+} bytes, {:+} blocks", self.0.bytes, self.0.blocks)
    }
}

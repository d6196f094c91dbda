//! What `kmalloc` and `kzalloc` are asked for, and what they show of it. They allocate themselves, so that call stacks
//! begin with them.

use core::ptr::NonNull;

use memstat::Level;
use shell::{Options, Session};

use super::figures::Figures;
use crate::commands::words;
use crate::memory::by_hand::{self, MAX_BLOCKS};
use crate::memory::heap::{ksize, tracker};

/// Blocks that are to be made.
pub(super) struct Order {
    command: &'static str,
    size_bytes: usize,
    /// How many are still wanted.
    count: usize,
    /// The figures before the first.
    before: Figures,
    /// Bytes that all blocks took before the next one.
    taken_bytes: u64,
}

impl Order {
    /// What the words behind the name of a command ask for. `None` if they are none that it takes, which is said.
    pub(super) fn read(session: &mut Session, options: &Options<'_>, command: &'static str) -> Option<Self> {
        let (size, rest) = options.operands.split_first()?;
        let size_bytes = words::size(session, command, size)?;
        let count = rest.first().map_or(Some(1), |word| words::count(session, command, word))?;
        let before = Figures::now();
        Some(Self { command, size_bytes, count, taken_bytes: before.taken_bytes(), before })
    }

    /// The size of each.
    pub(super) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Whether the next one can be made. Ctrl-C ends it.
    pub(super) fn wants_more(&self, session: &mut Session) -> bool {
        if self.count == 0 || session.is_interrupted() {
            return false;
        }
        if !by_hand::has_room() {
            report_no_room(session, self.command);
        }
        by_hand::has_room()
    }

    /// Notes the next one, and writes where it is and what it takes. Null ends the order.
    pub(super) fn take(&mut self, session: &mut Session, block: *mut u8) {
        let Some(block) = NonNull::new(block) else {
            self.count = 0;
            return session.report_failure(format_args!("{}: out of memory", self.command));
        };
        self.count -= 1;
        by_hand::note(block);
        session.print(format_args!("{:#x}: {} bytes asked for, ", block.as_ptr() as usize, self.size_bytes));
        let taken_before = core::mem::replace(&mut self.taken_bytes, Figures::now().taken_bytes());
        if tracker().level() == Level::Off {
            session.print(format_args!("{} usable\n", ksize(block.as_ptr())));
        } else {
            session.print(format_args!("{} taken\n", self.taken_bytes.saturating_sub(taken_before)));
        }
    }

    /// Writes how the heap's figures have changed.
    pub(super) fn show_change(&self, session: &mut Session) {
        self.before.show_change(session);
    }
}

/// Says that no more blocks can be made.
pub(super) fn report_no_room(session: &mut Session, command: &str) {
    session.report_failure(format_args!(
        "{command}: {MAX_BLOCKS} blocks made at the shell are live, and no more can be; kfree frees some"
    ));
}

//! What runs of pages each call stack has taken, at one moment: for marks, and for reports of what grew since.
//!
//! The heap's own runs are left out: who leaks blocks is said by the blocks. So are the tables of marks and of reports.

use arrayvec::ArrayVec;
use memstat::{Record, StackUsage};

use super::marks::{self, MAX_MARKS};
use crate::memory::Purpose;
use crate::memory::page_accounting::purpose_of;
use crate::memory::page_tracker::page_tracker;
use crate::memory::pages::scratch::Scratch;

/// Stacks that may become known while a table is made: its own among them.
const SPARE: usize = 4;
/// Records that are read at once.
const AT_ONCE: usize = 32;

/// What each call stack has taken.
pub(crate) struct PageUsage {
    /// By stack number; number 0 is for runs without a stack.
    usage: Scratch<StackUsage>,
}

impl PageUsage {
    /// That of now; `None` if there are no pages for it.
    pub(crate) fn now() -> Option<Self> {
        let mut usage = Scratch::new(entries(), StackUsage::default)?;
        let own = usage.start().as_ptr() as usize;
        sum_up(usage.as_mut_slice(), own);
        Some(Self { usage })
    }

    /// What a call stack has taken; zero if it was not known. Number 0 is for runs without a stack.
    pub(crate) fn of(&self, stack: u16) -> StackUsage {
        self.usage.as_slice().get(usize::from(stack)).copied().unwrap_or_default()
    }

    /// The highest number of a stack that has an entry.
    pub(crate) fn last_stack(&self) -> u16 {
        (self.usage.as_slice().len() - 1) as u16
    }

    /// Bytes of its pages.
    pub(crate) fn size_bytes(&self) -> usize {
        self.usage.size_bytes()
    }
}

/// Entries of a table for all call stacks.
pub(super) fn entries() -> usize {
    usize::from(page_tracker().stacks().count()) + 1 + SPARE
}

/// Adds all runs to the entries of their stacks, but for the heap's, the tables of marks, and the run that starts at `own`.
pub(super) fn sum_up(usage: &mut [StackUsage], own: usize) {
    let mut tables = ArrayVec::<usize, { MAX_MARKS + 1 }>::new();
    tables.push(own);
    marks::for_each_table(|start| tables.push(start));
    let mut records = [Record::EMPTY; AT_ONCE];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = page_tracker().blocks().read(from, &mut records);
        for record in records.iter().take(count) {
            let is_left_out =
                purpose_of(record.address()) == Some(Purpose::Heap) || tables.contains(&record.address());
            if let Some(sum) = usage.get_mut(usize::from(record.stack()))
                && !is_left_out
            {
                sum.blocks += 1;
                sum.bytes += record.size_bytes() as u64;
            }
        }
        cursor = next;
    }
    // A scan for lost pages takes no copy on the stack for a reference.
    records.fill(Record::EMPTY);
    core::hint::black_box(&records);
}

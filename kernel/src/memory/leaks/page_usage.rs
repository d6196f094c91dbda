//! What runs of pages each call stack has taken, at one moment: for marks, and for reports of what grew since.

use core::ptr::NonNull;

use memstat::{Snapshot, StackUsage};

use crate::memory::page_tracker::page_tracker;
use crate::memory::pages::scratch::Scratch;

/// Stacks that may become known while the table is made: its own among them.
const SPARE: usize = 4;

/// What each call stack has taken.
pub(crate) struct PageUsage {
    /// The figures at that moment.
    pub(crate) snapshot: Snapshot,
    /// By stack number; number 0 is for runs without a stack.
    usage: Scratch<StackUsage>,
}

impl PageUsage {
    /// That of now, the pages of this included; `None` if there are no pages for it.
    pub(crate) fn now() -> Option<Self> {
        loop {
            let stacks = usize::from(page_tracker().stacks().count());
            let mut usage = Scratch::new(stacks + 1 + SPARE, StackUsage::default)?;
            // An interrupt may have added a stack meanwhile.
            if let Some(snapshot) = page_tracker().leaks().snapshot_by_stack(usage.as_mut_slice()) {
                return Some(Self { snapshot, usage });
            }
        }
    }

    /// The same without its own pages.
    pub(crate) fn without_own(mut self) -> Self {
        let own = self.start();
        self.subtract(own);
        self
    }

    /// Takes out a run that was live then.
    pub(crate) fn subtract(&mut self, run: NonNull<u8>) {
        let Some(record) = page_tracker().blocks().get(run.as_ptr() as usize) else { return };
        if let Some(usage) = self.usage.as_mut_slice().get_mut(usize::from(record.stack())) {
            usage.blocks = usage.blocks.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(record.size_bytes() as u64);
        }
        let recorded = &mut self.snapshot.recorded;
        recorded.blocks = recorded.blocks.saturating_sub(1);
        recorded.bytes = recorded.bytes.saturating_sub(record.size_bytes() as u64);
    }

    /// What a call stack has taken; zero if it was not known. Number 0 is for runs without a stack.
    pub(crate) fn of(&self, stack: u16) -> StackUsage {
        self.usage.as_slice().get(usize::from(stack)).copied().unwrap_or_default()
    }

    /// Where its pages start.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.usage.start()
    }

    /// Bytes of its pages.
    pub(crate) fn size_bytes(&self) -> usize {
        self.usage.size_bytes()
    }
}

//! Marks: named snapshots to which leak reports refer, with the usage of each call stack at that time.
//!
//! Each mark has pages of its own for the usage of the stacks, outside of the heap that is examined. `/proc/meminfo` counts
//! them as `FileBuffers`.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};
use memstat::{Snapshot, StackUsage};
use tally_heap::PAGE_BYTES;

use super::page_usage;
use crate::memory::Purpose;
use crate::memory::heap::tracker;
use crate::memory::pages::scratch::Scratch;
use crate::memory::report::PagesByPurpose;
use crate::sync::IrqLock;
use control::memstat::MAX_NAME_BYTES;

/// Maximum number of marks, the one set at boot included.
pub(crate) const MAX_MARKS: usize = 16;
/// The mark that is set at the end of the boot.
pub(crate) const BOOT: &str = "boot";

/// A mark, without the usage of the stacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// Its name.
    pub(crate) name: ArrayString<MAX_NAME_BYTES>,
    /// The figures when it was set.
    pub(crate) snapshot: Snapshot,
    /// The pages that were taken then, its own among them.
    pub(crate) pages: PagesByPurpose,
    /// The highest number of a call stack of pages then.
    pub(crate) last_page_stack: u16,
    /// Bytes of its pages.
    pub(crate) size_bytes: usize,
}

/// Why a mark could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkError {
    /// There are [`MAX_MARKS`] marks already.
    TooMany,
    /// No pages are free for the usage of the stacks.
    NoMemory,
}

impl fmt::Display for MarkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(out, "too many marks: {MAX_MARKS} are set; clear one first"),
            Self::NoMemory => write!(out, "out of memory"),
        }
    }
}

struct Kept {
    mark: Mark,
    /// By stack number, for blocks and then for pages; number 0 is for those without a stack.
    usage: Scratch<StackUsage>,
    /// How many entries are for blocks.
    block_entries: usize,
}

static MARKS: IrqLock<ArrayVec<Kept, MAX_MARKS>> = IrqLock::new(ArrayVec::new_const());

/// Sets a mark. One of the same name is replaced, and the mark becomes the newest. A name that is too long is cut. On
/// failure all marks are unchanged.
pub(crate) fn set(name: &str) -> Result<Mark, MarkError> {
    // The unused bytes after the name are zeroed: stale pointers from the stack would look like references to
    // `leaks scan`.
    let mut kept_name = ArrayString::zero_filled();
    kept_name.clear();
    name.chars().for_each(|character| kept_name.try_push(character).unwrap_or_default());
    let is_full = MARKS.lock().is_full();
    if is_full && find(&kept_name).is_none() {
        return Err(MarkError::TooMany);
    }
    let (snapshot, usage, block_entries) = take_snapshot().ok_or(MarkError::NoMemory)?;
    // The pages of the mark that this one replaces go back in a moment.
    let old_bytes = find(&kept_name).map_or(0, |old| old.size_bytes);
    let pages = PagesByPurpose::now().without(Purpose::Buffers, old_bytes / PAGE_BYTES);
    let last_page_stack = (usage.as_slice().len() - block_entries - 1) as u16;
    let mark = Mark { name: kept_name, snapshot, pages, last_page_stack, size_bytes: usage.size_bytes() };
    let mut marks = MARKS.lock();
    let place = marks.iter().position(|kept| kept.mark.name == kept_name);
    // Dropped after the lock is released, as it frees pages.
    let old = place.and_then(|place| marks.pop_at(place));
    let is_kept = marks.try_push(Kept { mark, usage, block_entries }).map_err(|_| MarkError::TooMany);
    drop(marks);
    drop(old);
    is_kept.map(|()| mark)
}

/// A snapshot of the counters, and the usage of each call stack, with the number of entries for blocks.
fn take_snapshot() -> Option<(Snapshot, Scratch<StackUsage>, usize)> {
    loop {
        let block_entries = usize::from(tracker().stacks().count()) + 1;
        let mut usage = Scratch::new(block_entries + page_usage::entries(), StackUsage::default)?;
        let own = usage.start().as_ptr() as usize;
        let (blocks, pages) = usage.as_mut_slice().split_at_mut_checked(block_entries)?;
        // An interrupt may have added a stack meanwhile.
        if let Some(snapshot) = tracker().leaks().snapshot_by_stack(blocks) {
            page_usage::sum_up(pages, own);
            return Some((snapshot, usage, block_entries));
        }
    }
}

/// Passes the address of each mark's table to `visit`.
pub(super) fn for_each_table(visit: impl FnMut(usize)) {
    MARKS.lock().iter().map(|kept| kept.usage.start().as_ptr() as usize).for_each(visit);
}

/// Removes a mark; false if there is none of this name.
pub(crate) fn clear(name: &str) -> bool {
    let mut marks = MARKS.lock();
    let place = marks.iter().position(|kept| kept.mark.name.as_str() == name);
    let old = place.and_then(|place| marks.pop_at(place));
    drop(marks);
    old.is_some()
}

/// The mark with this name.
pub(crate) fn find(name: &str) -> Option<Mark> {
    MARKS.lock().iter().find(|kept| kept.mark.name.as_str() == name).map(|kept| kept.mark)
}

/// The marks by age; number 0 is the oldest.
pub(crate) fn get(number: usize) -> Option<Mark> {
    MARKS.lock().get(number).map(|kept| kept.mark)
}

/// The newest mark.
pub(crate) fn newest() -> Option<Mark> {
    MARKS.lock().last().map(|kept| kept.mark)
}

/// The usage of a call stack at a mark; zero if the stack was not known then. Number 0 is for blocks without a stack.
pub(crate) fn usage(mark: &Mark, stack: u16) -> StackUsage {
    entry(mark, |kept| kept.usage.as_slice().get(..kept.block_entries)?.get(usize::from(stack)).copied())
}

/// As [`usage`], for runs of pages.
pub(crate) fn page_usage_of(mark: &Mark, stack: u16) -> StackUsage {
    entry(mark, |kept| kept.usage.as_slice().get(kept.block_entries + usize::from(stack)).copied())
}

fn entry(mark: &Mark, find: impl FnOnce(&Kept) -> Option<StackUsage>) -> StackUsage {
    let marks = MARKS.lock();
    let kept = marks.iter().find(|kept| kept.mark.name == mark.name);
    kept.and_then(find).unwrap_or_default()
}

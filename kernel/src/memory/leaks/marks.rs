//! Marks: named snapshots that a report can start from, with what was live under each call stack then.
//!
//! The usage of the stacks is in pages of each mark's own, apart from the heap that is examined. `/proc/meminfo`
//! counts them as `FileBuffers`.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};
use memstat::{Snapshot, StackUsage};
use tally_heap::PAGE_BYTES;

use crate::memory::Purpose;
use crate::memory::heap::tracker;
use crate::memory::pages::scratch::Scratch;
use crate::memory::report::PagesByPurpose;
use crate::sync::IrqLock;
use control::memstat::MAX_NAME_BYTES;

/// Maximum number of marks, the one of the boot included.
pub(crate) const MAX_MARKS: usize = 16;
/// The mark that is set when the boot is done.
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
    /// Bytes of its pages.
    pub(crate) size_bytes: usize,
}

/// Why a mark could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkError {
    /// There is no room for one more.
    TooMany,
    /// There are no pages for the usage of the stacks.
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
    /// By stack number; the first stands for blocks without a stack.
    usage: Scratch<StackUsage>,
}

static MARKS: IrqLock<ArrayVec<Kept, MAX_MARKS>> = IrqLock::new(ArrayVec::new_const());

/// Takes a snapshot; a mark of that name is replaced, and becomes the newest. A name that is too long is cut. When it
/// fails, all marks are as before.
pub(crate) fn set(name: &str) -> Result<Mark, MarkError> {
    // The room behind the name is kept as well: zeros, and not what the stack had there, for `leaks scan` reads it.
    let mut kept_name = ArrayString::zero_filled();
    kept_name.clear();
    name.chars().for_each(|character| kept_name.try_push(character).unwrap_or_default());
    let is_full = MARKS.lock().is_full();
    if is_full && find(&kept_name).is_none() {
        return Err(MarkError::TooMany);
    }
    let (snapshot, usage) = take_snapshot().ok_or(MarkError::NoMemory)?;
    // The pages of the mark that this one replaces go back in a moment.
    let old_bytes = find(&kept_name).map_or(0, |old| old.size_bytes);
    let pages = PagesByPurpose::now().without(Purpose::Buffers, old_bytes / PAGE_BYTES);
    let mark = Mark { name: kept_name, snapshot, pages, size_bytes: usage.size_bytes() };
    let mut marks = MARKS.lock();
    let place = marks.iter().position(|kept| kept.mark.name == kept_name);
    // The pages of the old one go back when the lock is not held any more.
    let old = place.and_then(|place| marks.pop_at(place));
    let is_kept = marks.try_push(Kept { mark, usage }).map_err(|_| MarkError::TooMany);
    drop(marks);
    drop(old);
    is_kept.map(|()| mark)
}

/// A snapshot of now, and what is live under each call stack.
fn take_snapshot() -> Option<(Snapshot, Scratch<StackUsage>)> {
    loop {
        let mut usage = Scratch::new(usize::from(tracker().stacks().count()) + 1, StackUsage::default)?;
        // An interrupt may have brought a new stack meanwhile.
        if let Some(snapshot) = tracker().leaks().snapshot_by_stack(usage.as_mut_slice()) {
            return Some((snapshot, usage));
        }
    }
}

/// Forgets a mark, and says whether there was one.
pub(crate) fn clear(name: &str) -> bool {
    let mut marks = MARKS.lock();
    let place = marks.iter().position(|kept| kept.mark.name.as_str() == name);
    let old = place.and_then(|place| marks.pop_at(place));
    drop(marks);
    old.is_some()
}

/// The mark of a name.
pub(crate) fn find(name: &str) -> Option<Mark> {
    MARKS.lock().iter().find(|kept| kept.mark.name.as_str() == name).map(|kept| kept.mark)
}

/// The marks, the one that was set first at 0.
pub(crate) fn get(number: usize) -> Option<Mark> {
    MARKS.lock().get(number).map(|kept| kept.mark)
}

/// The mark that was set last.
pub(crate) fn newest() -> Option<Mark> {
    MARKS.lock().last().map(|kept| kept.mark)
}

/// What was live under a call stack at a mark: nothing if the stack was not known then. Number 0 stands for blocks
/// without a stack.
pub(crate) fn usage(mark: &Mark, stack: u16) -> StackUsage {
    let marks = MARKS.lock();
    let kept = marks.iter().find(|kept| kept.mark.name == mark.name);
    kept.and_then(|kept| kept.usage.as_slice().get(usize::from(stack))).copied().unwrap_or_default()
}

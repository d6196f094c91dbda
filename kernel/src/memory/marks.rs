//! Marks with names: moments that a report can start from.
//!
//! A mark is the number of the newest block that there was, as [`Tracked::mark`](memstat::Tracked::mark) gives it.

use arrayvec::{ArrayString, ArrayVec};

use super::heap::tracker;
use crate::control::MOST_NAME_BYTES;
use crate::sync::IrqLock;

/// The most marks that are kept.
pub(crate) const MOST_MARKS: usize = 16;

/// A moment with a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// What it is called.
    pub(crate) name: ArrayString<MOST_NAME_BYTES>,
    /// Blocks that came later have higher numbers.
    pub(crate) sequence: u64,
}

/// Why a mark could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyMarks;

static MARKS: IrqLock<ArrayVec<Mark, MOST_MARKS>> = IrqLock::new(ArrayVec::new_const());

/// Marks this moment; a mark of that name moves here. A name that is too long is cut.
pub(crate) fn set(name: &str) -> Result<(), TooManyMarks> {
    let sequence = tracker().mark();
    let mut kept = ArrayString::new();
    name.chars().for_each(|character| kept.try_push(character).unwrap_or_default());
    let mut marks = MARKS.lock();
    if let Some(mark) = marks.iter_mut().find(|mark| mark.name == kept) {
        mark.sequence = sequence;
        return Ok(());
    }
    marks.try_push(Mark { name: kept, sequence }).map_err(|_| TooManyMarks)
}

/// Forgets a mark, and says whether there was one.
pub(crate) fn clear(name: &str) -> bool {
    let mut marks = MARKS.lock();
    let place = marks.iter().position(|mark| mark.name.as_str() == name);
    place.map(|place| marks.remove(place)).is_some()
}

/// The mark of a name.
pub(crate) fn find(name: &str) -> Option<Mark> {
    MARKS.lock().iter().find(|mark| mark.name.as_str() == name).copied()
}

/// The marks in the order in which they were first set.
pub(crate) fn get(number: usize) -> Option<Mark> {
    MARKS.lock().get(number).copied()
}

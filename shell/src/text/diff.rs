//! The smallest set of changed lines between two texts.
//!
//! E. Myers, An O(ND) Difference Algorithm and Its Variations, 1986, in its linear space variant: the middle of the
//! shortest edit path is found from both ends at once, then each half is compared by itself. Time grows with the number
//! of lines and the square of the differences; memory, which the caller lends, only with the differences. Lines are
//! represented by 64-bit hashes.

use core::fmt;
use core::ops::Range;

/// Lines, numbered from 0, that only one of the texts has: those of `old` were replaced by those of `new`, either of
/// which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Lines of the first text.
    pub(crate) old: Range<usize>,
    /// Lines of the second.
    pub(crate) new: Range<usize>,
}

/// Which of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The first.
    Old,
    /// The second.
    New,
}

/// Why a comparison did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiffError {
    /// The texts differ in more lines than the memory is sufficient for.
    TooDifferent {
        /// The maximum number of different lines.
        max_lines: usize,
    },
    /// The caller stopped the comparison.
    Stopped,
}

impl fmt::Display for DiffError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDifferent { max_lines } => {
                write!(out, "the files differ in more than {max_lines} lines")
            }
            Self::Stopped => write!(out, "interrupted"),
        }
    }
}

impl fmt::Display for Change {
    /// The header line of a change in diff(1): `3a4`, `5,7d4`, `8c9,10`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match (self.old.is_empty(), self.new.is_empty()) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        write_range(&self.old, out)?;
        write!(out, "{letter}")?;
        write_range(&self.new, out)
    }
}

/// Lines counted from 1; an empty range is named by the line before it.
fn write_range(lines: &Range<usize>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    if lines.len() > 1 {
        write!(out, "{},{}", lines.start.saturating_add(1), lines.end)
    } else {
        write!(out, "{}", lines.end)
    }
}

/// The initial value of a line's hash (FNV-1a, 64 bits).
const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// Hashes lines byte by byte, newlines included. Bytes may come in pieces: `line` is the hash and length of an
/// incomplete line, `None` at the beginning of one. `end` is called with the hash and length in bytes of each whole
/// line.
pub(crate) fn hash_lines(line: &mut Option<(u64, u64)>, bytes: &[u8], mut end: impl FnMut(u64, u64)) {
    const PRIME: u64 = 0x0100_0000_01b3;
    for &byte in bytes {
        let (hash, length) = line.unwrap_or((HASH_START, 0));
        let hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        if byte == b'\n' {
            end(hash, length.saturating_add(1));
            *line = None;
        } else {
            *line = Some((hash, length.saturating_add(1)));
        }
    }
}

/// The length of the memory that [`compare`] needs for `steps` steps from either side.
pub(crate) fn work_length(steps: usize) -> usize {
    steps.saturating_mul(2).saturating_add(3).saturating_mul(2)
}

/// Finds the changes that lead from `old` to `new`, and passes them to `visit` in order. The length of `work` limits how
/// much the texts may differ: in about half as many lines. `must_stop` is called regularly.
///
/// # Errors
///
/// [`DiffError`], before `visit` is called for the first time if it is `TooDifferent`.
pub(crate) fn compare(
    old: &[u64],
    new: &[u64],
    work: &mut [i32],
    must_stop: &dyn Fn() -> bool,
    visit: &mut dyn FnMut(Change),
) -> Result<(), DiffError> {
    let half = work.len() / 2;
    let (forward, backward) = work.split_at_mut(half);
    let max_steps = (half.saturating_sub(3) / 2) as i32;
    let mut search = Search { forward, backward, max_steps, must_stop, visit, pending: None };
    search.compare(old, new, 0, 0)?;
    if let Some(change) = search.pending.take() {
        (search.visit)(change);
    }
    Ok(())
}

struct Search<'a> {
    /// How far each diagonal was followed, from the start and from the end.
    forward: &'a mut [i32],
    backward: &'a mut [i32],
    /// The maximum number of steps from either side.
    max_steps: i32,
    must_stop: &'a dyn Fn() -> bool,
    visit: &'a mut dyn FnMut(Change),
    /// The last change, to which an adjacent one may be joined.
    pending: Option<Change>,
}

/// A run of equal lines in the middle of the shortest path; it may be empty.
struct Middle {
    start: (usize, usize),
    end: (usize, usize),
}

impl Search<'_> {
    /// Compares two parts, which start at these lines. The depth of the recursion is the logarithm of the differences.
    fn compare(
        &mut self,
        old: &[u64],
        new: &[u64],
        old_start: usize,
        new_start: usize,
    ) -> Result<(), DiffError> {
        let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (old, new) = (part(old, same..old.len()), part(new, same..new.len()));
        let (old_start, new_start) = (old_start.saturating_add(same), new_start.saturating_add(same));
        let same = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let (old_length, new_length) = (old.len().saturating_sub(same), new.len().saturating_sub(same));
        let (old, new) = (part(old, 0..old_length), part(new, 0..new_length));
        if old.is_empty() || new.is_empty() {
            self.add(Change {
                old: old_start..old_start.saturating_add(old.len()),
                new: new_start..new_start.saturating_add(new.len()),
            });
            return Ok(());
        }
        // First and last lines differ, so the path has at least two steps, and each half has fewer.
        let Middle { start, end } = self.find_middle(old, new)?;
        self.compare(part(old, 0..start.0), part(new, 0..start.1), old_start, new_start)?;
        self.compare(
            part(old, end.0..old.len()),
            part(new, end.1..new.len()),
            old_start.saturating_add(end.0),
            new_start.saturating_add(end.1),
        )
    }

    fn add(&mut self, change: Change) {
        if change.old.is_empty() && change.new.is_empty() {
            return;
        }
        match &mut self.pending {
            Some(last) if last.old.end == change.old.start && last.new.end == change.new.start => {
                last.old.end = change.old.end;
                last.new.end = change.new.end;
            }
            _ => {
                if let Some(last) = self.pending.replace(change) {
                    (self.visit)(last);
                }
            }
        }
    }

    /// Follows paths from both ends, with one more difference at a time, until they meet.
    fn find_middle(&mut self, old: &[u64], new: &[u64]) -> Result<Middle, DiffError> {
        let (old_length, new_length) = (old.len() as i32, new.len() as i32);
        let delta = old_length.saturating_sub(new_length);
        set(self.forward, self.max_steps, 1, 0);
        set(self.backward, self.max_steps, 1, 0);
        for steps in 0..=self.max_steps {
            if (self.must_stop)() {
                return Err(DiffError::Stopped);
            }
            // Diagonals outside of the texts are skipped.
            let lowest = bound(steps, new_length).saturating_neg();
            let highest = bound(steps, old_length);
            for side in [Side::Old, Side::New] {
                let (own, other) = match side {
                    Side::Old => (&mut *self.forward, &*self.backward),
                    Side::New => (&mut *self.backward, &*self.forward),
                };
                // With an odd difference of lengths, paths meet in a step from the start, else in one from the end.
                let (may_meet, met_steps) = if side == Side::Old {
                    (delta % 2 != 0, steps.saturating_sub(1))
                } else {
                    (delta % 2 == 0, steps)
                };
                for diagonal in (lowest..=highest).step_by(2) {
                    let below = get(own, self.max_steps, diagonal.saturating_sub(1));
                    let above = get(own, self.max_steps, diagonal.saturating_add(1));
                    let is_down = diagonal == steps.saturating_neg() || (diagonal != steps && below < above);
                    let start = if is_down { above } else { below.saturating_add(1) };
                    let mut at = start;
                    while is_same(old, new, at, at.saturating_sub(diagonal), side) {
                        at = at.saturating_add(1);
                    }
                    set(own, self.max_steps, diagonal, at);
                    let opposite = delta.saturating_sub(diagonal);
                    if may_meet
                        && (met_steps.saturating_neg()..=met_steps).contains(&opposite)
                        && at.saturating_add(get(other, self.max_steps, opposite)) >= old_length
                    {
                        let on_diagonal = |at: i32| (at, at.saturating_sub(diagonal));
                        let lengths = (old_length, new_length);
                        return Ok(middle(on_diagonal(start), on_diagonal(at), lengths, side));
                    }
                }
            }
        }
        Err(DiffError::TooDifferent { max_lines: (self.max_steps as usize).saturating_mul(2) })
    }
}

/// The run, in lines from the start, from whichever end it was found.
fn middle(start: (i32, i32), end: (i32, i32), lengths: (i32, i32), side: Side) -> Middle {
    let place = |(old, new): (i32, i32)| (old.max(0) as usize, new.max(0) as usize);
    match side {
        Side::Old => Middle { start: place(start), end: place(end) },
        Side::New => {
            let back = |(old, new): (i32, i32)| {
                place((lengths.0.saturating_sub(old), lengths.1.saturating_sub(new)))
            };
            Middle { start: back(end), end: back(start) }
        }
    }
}

/// The outermost diagonal that this number of steps reaches within a text of this length.
fn bound(steps: i32, length: i32) -> i32 {
    steps.saturating_sub(steps.saturating_sub(length).max(0).saturating_mul(2))
}

/// Whether both lines, counted from the start or from the end, exist and are equal.
fn is_same(old: &[u64], new: &[u64], from_old: i32, from_new: i32, side: Side) -> bool {
    let (Ok(from_old), Ok(from_new)) = (usize::try_from(from_old), usize::try_from(from_new)) else {
        return false;
    };
    let pair = match side {
        Side::Old => old.get(from_old).zip(new.get(from_new)),
        Side::New => {
            let back = |lines: &[u64], from: usize| {
                lines.len().checked_sub(from.saturating_add(1)).and_then(|place| lines.get(place).copied())
            };
            return back(old, from_old).is_some_and(|line| back(new, from_new) == Some(line));
        }
    };
    pair.is_some_and(|(old, new)| old == new)
}

fn part(lines: &[u64], range: Range<usize>) -> &[u64] {
    lines.get(range).unwrap_or_default()
}

/// The index of a diagonal's entry; that of diagonal 0 is in the middle.
fn place(max_steps: i32, diagonal: i32) -> usize {
    diagonal.saturating_add(max_steps).saturating_add(1) as usize
}

/// A diagonal's entry.
fn get(table: &[i32], max_steps: i32, diagonal: i32) -> i32 {
    table.get(place(max_steps, diagonal)).copied().unwrap_or(0)
}

fn set(table: &mut [i32], max_steps: i32, diagonal: i32, value: i32) {
    if let Some(slot) = table.get_mut(place(max_steps, diagonal)) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests;

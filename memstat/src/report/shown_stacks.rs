//! The call stacks of one report, so that the outer frames that they share are shown once.
//!
//! A double free has three call stacks, and most of each is the path from the start of the program to the function at
//! fault. Pure: addresses in, their new part out. The kernel's reports use it and add the names.

use crate::stacks::{MAX_FRAMES, MAX_FREE_FRAMES};

/// Call stacks that a report compares; later ones are shown whole.
const MAX_STACKS: usize = 4;
/// Fewer shared frames are shown again: the line in their place would save nothing.
const MIN_SHARED: usize = 2;

/// One call stack, innermost frame first.
#[derive(Clone, Copy, Debug)]
struct Frames {
    addresses: [usize; MAX_FRAMES],
    count: usize,
}

impl Frames {
    const NONE: Self = Self { addresses: [0; MAX_FRAMES], count: 0 };

    fn as_slice(&self) -> &[usize] {
        self.addresses.get(..self.count).unwrap_or_default()
    }
}

/// What a report has shown so far.
#[derive(Debug)]
pub struct ShownStacks {
    stacks: [Frames; MAX_STACKS],
    count: usize,
}

/// A call stack in two parts.
#[derive(Debug)]
pub struct NewStack {
    frames: Frames,
    own: usize,
}

impl Default for ShownStacks {
    fn default() -> Self {
        Self::new()
    }
}

impl ShownStacks {
    /// For a report that has shown none.
    #[must_use]
    pub const fn new() -> Self {
        Self { stacks: [Frames::NONE; MAX_STACKS], count: 0 }
    }

    /// Adds the next call stack, innermost frame first, up to 16 frames of it.
    pub fn add(&mut self, frames: impl Iterator<Item = usize>) -> NewStack {
        let mut next = Frames::NONE;
        for (place, address) in next.addresses.iter_mut().zip(frames) {
            *place = address;
            next.count += 1;
        }
        let all = next.as_slice();
        let is_shown = |outer: &[usize]| {
            self.stacks.iter().take(self.count).any(|earlier| is_end_of(outer, earlier.as_slice(), all))
        };
        let own = (0..all.len()).find(|own| all.get(*own..).is_some_and(is_shown)).unwrap_or(all.len());
        if let Some(place) = self.stacks.get_mut(self.count) {
            *place = next;
            self.count += 1;
        }
        NewStack { frames: next, own }
    }
}

/// Whether these outer frames are those of an earlier call stack too. A stack that is cut ends before its outermost
/// frame.
fn is_end_of(outer: &[usize], earlier: &[usize], all: &[usize]) -> bool {
    let is_cut = [MAX_FRAMES, MAX_FREE_FRAMES].contains(&all.len());
    outer.len() >= MIN_SHARED
        && (earlier.ends_with(outer) || is_cut && earlier.windows(outer.len()).any(|window| window == outer))
}

impl NewStack {
    /// The inner frames, which no earlier call stack has in this place.
    #[must_use]
    pub fn own(&self) -> &[usize] {
        self.frames.as_slice().get(..self.own).unwrap_or_default()
    }

    /// The outer frames, which an earlier call stack has as well: none, or at least two.
    #[must_use]
    pub fn shared(&self) -> &[usize] {
        self.frames.as_slice().get(self.own..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(shown: &mut ShownStacks, frames: impl IntoIterator<Item = usize>) -> (Vec<usize>, Vec<usize>) {
        let stack = shown.add(frames.into_iter());
        (stack.own().to_vec(), stack.shared().to_vec())
    }

    #[test]
    fn the_first_is_shown_whole_and_later_ones_up_to_what_they_share() {
        let mut shown = ShownStacks::new();
        assert_eq!(parts(&mut shown, [1, 2, 7, 8, 9]), (vec![1, 2, 7, 8, 9], vec![]));
        assert_eq!(parts(&mut shown, [3, 7, 8, 9]), (vec![3], vec![7, 8, 9]));
        assert_eq!(parts(&mut shown, [4, 3, 7, 8, 9]), (vec![4], vec![3, 7, 8, 9]), "with the second");
        assert_eq!(parts(&mut shown, [3, 7, 8, 9]), (vec![], vec![3, 7, 8, 9]), "the same again");
    }

    #[test]
    fn a_frame_alone_and_frames_in_the_middle_are_shown() {
        let mut shown = ShownStacks::new();
        shown.add([1, 2, 3, 4].into_iter());
        assert_eq!(parts(&mut shown, [5, 4]), (vec![5, 4], vec![]));
        assert_eq!(parts(&mut shown, [5, 2, 3]), (vec![5, 2, 3], vec![]), "its outermost frame is another");
        assert_eq!(parts(&mut shown, []), (vec![], vec![]));
    }

    #[test]
    fn a_stack_that_is_cut_shares_what_it_has() {
        let mut shown = ShownStacks::new();
        shown.add([1, 2].into_iter().chain(20..32));
        // Sixteen frames of more.
        let cut = 100..106;
        let (own, shared) = parts(&mut shown, cut.clone().chain(20..40));
        assert_eq!((own, shared), (cut.collect(), (20..30).collect()));
        // Eight of more, as a free keeps them.
        assert_eq!(parts(&mut shown, (90..93).chain(20..25)), ((90..93).collect(), (20..25).collect()));
    }

    #[test]
    fn no_frame_is_lost_whatever_the_stacks_are() {
        let mut state = 1_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..10_000 {
            let mut shown = ShownStacks::new();
            let mut before: Vec<Vec<usize>> = Vec::new();
            for _ in 0..6 {
                let length = random(20);
                let frames: Vec<usize> = (0..length).map(|_| random(3) as usize).collect();
                let (own, shared) = parts(&mut shown, frames.iter().copied());
                let whole: Vec<usize> = own.into_iter().chain(shared.iter().copied()).collect();
                assert_eq!(whole, frames[..frames.len().min(MAX_FRAMES)]);
                let is_above = |stack: &Vec<usize>| stack.windows(shared.len()).any(|part| part == shared);
                assert!(shared.is_empty() || before.iter().any(is_above), "{shared:?} stands nowhere above");
                before.push(whole);
            }
        }
    }
}

//! Call stacks by number, and those that hold most.

use super::Tracked;
use crate::backend::Backend;
use crate::platform::Platform;
use crate::ranking::{Rank, TopStacks};
use crate::stacks::{Stack, walk};

/// The call stacks that a tracker has seen. From [`Tracked::stacks`].
#[derive(Debug)]
pub struct StacksView<'a, B: Backend, P>(pub(super) &'a Tracked<B, P>);

impl<B: Backend, P: Platform> StacksView<'_, B, P> {
    /// Whether this program's functions keep frame pointers, by which stacks are walked. Without them, call stacks are
    /// short or wrong: compile with `-Cforce-frame-pointers=yes`.
    pub fn has_frame_pointers(&self) -> bool {
        walk::has_frame_pointers(self.0.platform())
    }

    /// How many call stacks are known; their numbers start at 1.
    pub fn count(&self) -> u16 {
        self.0.enter().depot.len() as u16
    }

    /// The call stack with this number, and its totals.
    pub fn get(&self, number: u16) -> Option<Stack> {
        self.0.enter().stack::<P>(number).copied()
    }

    /// The `N` call stacks that rank highest. The lock is held for one stack at a time.
    pub fn top<const N: usize>(&self, rank: Rank) -> TopStacks<N> {
        let mut top = TopStacks::new(rank);
        for number in 1..=self.count() {
            if let Some(stack) = self.get(number) {
                top.add(number, &stack);
            }
        }
        top
    }
}

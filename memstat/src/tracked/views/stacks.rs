//! Call stacks by number, and those that hold most.

use super::Tracked;
use crate::backend::Backend;
use crate::platform::Platform;
use crate::report::{Rank, TopStacks};
use crate::stacks::Stack;

/// The call stacks that a tracker has seen. From [`Tracked::stacks`].
#[derive(Debug)]
pub struct StacksView<'a, B, P>(pub(super) &'a Tracked<B, P>);

impl<B: Backend, P: Platform> StacksView<'_, B, P> {
    /// The number of call stacks that are known, each with a number from 1 to this.
    pub fn count(&self) -> u16 {
        self.0.enter().depot.len() as u16
    }

    /// The call stack with this number, and its totals.
    pub fn get(&self, number: u16) -> Option<Stack> {
        self.0.enter().stack(number).copied()
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
